"""neuralgpu break."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import (
    LONGEST_INPUT,
    AverageOption,
    JsonOption,
    RunArgument,
    SeedOption,
    TaskOption,
    whole_number,
)

if TYPE_CHECKING:
    from rich.table import Table

    from neuralgpu.cli.progress import Display
    from neuralgpu.evaluation.models import TrainedModels
    from neuralgpu.evaluation.search import Counterexample, Found
    from neuralgpu.evaluation.search.inquiry import Watch
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.tasks import Task

_SHOWN_OF_A_KIND = 2


def break_run(
    run: RunArgument,
    seconds: Annotated[int, whole_number("--seconds", 1, 1_000_000, "Time to search in")] = 60,
    seed: SeedOption = 0,
    longest: Annotated[
        int, whole_number("--longest", 1, LONGEST_INPUT, "Length of the longest inputs, in symbols")
    ] = 101,
    keep: Annotated[int, whole_number("--keep", 1, 1_000_000, "Counterexamples of a kind that are kept")] = 10,
    most_tries: Annotated[
        int | None, whole_number("--most-tries", 1, 1_000_000_000, "Inputs to try at most; any number by default")
    ] = None,
    task: TaskOption = None,
    average: AverageOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Where they go; RUN/counterexamples.jsonl by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search for inputs that a trained model gets wrong, and make each as small as it can be.

    What is tried depends on the seed and on the answers; the time only cuts it off.
    """
    from neuralgpu.cli.progress import display
    from neuralgpu.rows import replace_lines
    from neuralgpu.run_directory import open_run
    from neuralgpu.tasks import find_task

    directory = open_run(run)
    file = out or directory.counterexamples_file
    _check_file(file, force=force)
    models = _loaded(directory, find_task(task or directory.config().task), longest, average=average)
    from neuralgpu.evaluation.search import find_counterexamples
    from neuralgpu.evaluation.search.gradients import ModelGradients

    with display(f"break {models.task.name}") as show:
        found = find_counterexamples(
            models,
            seconds=float(seconds),
            seed=seed,
            longest=longest,
            keep=keep,
            most_tries=most_tries,
            gradients=ModelGradients(models),
            leave_out=tuple(models.diverged),
            watch=_watch(show, seconds, most_tries),
        )
    records = [one.record() for one in found.counterexamples]
    replace_lines(file, records)
    if as_json:
        for record in records:
            typer.echo(json.dumps(record))
    else:
        _print(found, models.task)
    if records:
        typer.echo(f"Next: neuralgpu evaluate {run} --suite file:{file}", err=True)


def _check_file(file: Path, *, force: bool) -> None:
    from neuralgpu.errors import UserError

    if file.is_dir() or not file.parent.is_dir():
        raise UserError(f"{file} cannot be written: it is a folder, or lies in none; choose another --out.")
    if file.exists() and not force:
        raise UserError(f"{file} is there already; replace it with --force, or choose another --out.")


def _loaded(directory: "RunDirectory", task: "Task", longest: int, *, average: bool) -> "TrainedModels":
    from neuralgpu import devices
    from neuralgpu.cost import check_evaluation
    from neuralgpu.errors import UserError

    config = directory.config()
    check_evaluation(config.model, len(config.seeds), [(longest, 1)], ("--longest",))
    devices.configure()
    from neuralgpu.evaluation.models import load_models

    models = load_models(directory, task, average=average)
    for warning in models.warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    for seed, step in models.diverged.items():
        typer.echo(f"neuralgpu: Seed {seed} diverged at step {step}: it is left out.", err=True)
    if set(models.diverged) >= set(models.seeds):
        raise UserError(f"No seed of {directory.path} is left to search in; train others with --seeds.")
    return models


def _watch(show: "Display", seconds: int, most_tries: int | None) -> "Watch":
    """Shows the inputs tried, of those that may be, or else the seconds gone."""
    started = time.monotonic()

    def watch(tried: int, wrong: int) -> None:
        if most_tries is not None:
            show(tried, most_tries, f"inputs, {wrong:,} answered wrongly")
        else:  # the last second is one of many lines where each is printed
            gone = min(int(time.monotonic() - started), seconds - 1)
            show(gone, seconds, f"seconds, {tried:,} inputs, {wrong:,} answered wrongly")

    return watch


def _print(found: "Found", task: "Task") -> None:
    from rich.console import Console

    from neuralgpu.cli.sums import print_compared
    from neuralgpu.evaluation.search import grouped
    from neuralgpu.reporting.digits import compare, elide_operands

    console = Console()
    if not found.counterexamples:
        console.print(f"None found: {found.tried:,} inputs were tried.", highlight=False)
        return
    console.print(_table(found), highlight=False)
    for kind, group in grouped(found.counterexamples).items():
        console.print(f"\n[bold]{kind}[/bold]", highlight=False)
        for one in group[:_SHOWN_OF_A_KIND]:
            # Zeros that both have in front say nothing.
            digits = max(len(task.plain(answer)) for answer in (one.target, one.output))
            compared = compare(one.target[-digits:], one.output[-digits:])
            console.print(f"{elide_operands(one.input)}   ({_who(one)})", markup=False, highlight=False)
            print_compared(console, compared)
    console.print(f"\n{found.tried:,} inputs were tried.", highlight=False)


def _table(found: "Found") -> "Table":
    from rich.table import Table

    from neuralgpu.evaluation.search import grouped
    from neuralgpu.reporting.digits import elide_operands

    table = Table(box=None, pad_edge=False)
    table.add_column("Kind")
    for column in ("Kept", "Symbols"):
        table.add_column(column, justify="right")
    table.add_column("Smallest", overflow="fold")
    for kind, group in grouped(found.counterexamples).items():
        first = group[0]
        name = f"{kind}, {first.detail}" if first.detail else kind
        table.add_row(name, str(len(group)), str(first.length), elide_operands(first.input))
    return table


def _who(one: "Counterexample") -> str:
    if one.averaged is not None:
        return f"average of {one.averaged} seeds, found by {one.found_by}"
    seeds = ", ".join(map(str, one.seeds))
    return f"seed{'s' if len(one.seeds) > 1 else ''} {seeds}, found by {one.found_by}"

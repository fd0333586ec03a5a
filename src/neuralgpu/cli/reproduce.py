"""neuralgpu reproduce."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import JsonOption

if TYPE_CHECKING:
    from neuralgpu.cluster.sweep import Watch
    from neuralgpu.experiments.experiment import Experiment, Scale

_REPORT = "report"


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="fig2 to fig7, table1 to table3, prose for what sections 3 and 4 say in words, all; or report, which "
            "runs nothing.",
        ),
    ],
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="SCALE",
            help="smoke (a minute: shows that it is wired), laptop (at most 3 hours on two cores for all of it) or "
            "paper (everything, at the paper's sizes); that of --out, or laptop.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where everything goes; runs/paper-SCALE by default.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="A Ray cluster, or 'local' for one on this machine; without it job after job in this process.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is missing and what it costs; begin nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a figure or table of the paper: run what is missing, draw, and set the paper's numbers beside ours.

    What is done is not run again. Ctrl-C saves what runs; the same command goes on.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.experiments.registry import EXPERIMENTS, chosen, find_scale
    from neuralgpu.experiments.report import claims_as_records, part_of, write_report
    from neuralgpu.experiments.results import Results
    from neuralgpu.experiments.running import open_folder, scale_of

    experiments = list(EXPERIMENTS.values()) if name == _REPORT else chosen(name)
    wanted = None if scale is None else find_scale(scale)
    folder = out or Path("runs") / f"paper-{wanted or 'laptop'}"
    if name == _REPORT and (dry_run or address):
        raise UserError("report runs nothing; leave --dry-run and --address out.")
    if dry_run:
        _show_plan(folder, wanted or scale_of(folder) or "laptop", experiments, as_json=as_json)
        return
    if name == _REPORT and scale_of(folder) is None:
        raise UserError(f"{folder} holds no reproduction; 'neuralgpu reproduce all --out {folder}' makes one.")
    found = open_folder(folder, wanted)
    status = 0 if name == _REPORT else _run(name, folder, found, experiments, address)
    page, _, written = write_report(folder, found, force=name == _REPORT)
    if as_json:
        for experiment in experiments:
            for record in claims_as_records(part_of(Results(folder), found, experiment)):
                typer.echo(json.dumps(record))
    else:
        typer.echo(str(page))
    if not written and not status:
        typer.echo("Nothing was missing, and the report is up to date.", err=True)
    if status:
        raise typer.Exit(status)


def _run(name: str, folder: Path, scale: "Scale", experiments: "list[Experiment]", address: str | None) -> int:
    """Runs what is missing, with a display, and returns the exit code."""
    import time

    from neuralgpu.cli.interrupts import stop_on_signal
    from neuralgpu.cli.sweep_table import sweep_display
    from neuralgpu.experiments.running import run_missing

    if scale == "paper":
        _show_plan(folder, scale, experiments, as_json=False)
    command = f"neuralgpu reproduce {name} --scale {scale} --out {folder}" + (
        f" --address {address}" if address else ""
    )
    started = time.monotonic()
    with stop_on_signal(lambda: "Stopped before anything was begun.") as stop:

        @contextmanager
        def show(sweep: str) -> "Iterator[Watch]":
            stop.plan(lambda: None, None)  # from here on jobs save before this process ends
            typer.echo(f"Sweep {sweep} (after {time.monotonic() - started:.0f} s)", err=True)
            with sweep_display() as display:
                yield display

        def tell(text: str) -> None:
            stop.plan(lambda: "Stopped while measuring; what was being measured is measured again.", 0.0)
            typer.echo(f"Measuring: {text}", err=True)

        done = run_missing(folder, scale, experiments, address, command, show, tell, stop)
        code = stop.exit_code if stop() else 0
    for problem in done.problems:
        typer.echo(problem, err=True)
    if code:
        typer.echo(f"Stopped; what ran is saved. Go on: {command}", err=True)
    elif done.problems:
        typer.echo(f"Something is missing. Go on: {command}", err=True)
    return code or (1 if done.problems else 0)


def _show_plan(folder: Path, scale: "Scale", experiments: "list[Experiment]", *, as_json: bool) -> None:
    from rich.console import Console

    from neuralgpu.cli.reproduce_plan import plan_table, plan_text
    from neuralgpu.experiments.costs import planned

    plan = planned(folder, scale, experiments)
    if as_json:
        for line in plan:
            typer.echo(json.dumps(line.record()))
        return
    Console(stderr=True).print(plan_table(plan))
    typer.echo(plan_text(plan), err=True)

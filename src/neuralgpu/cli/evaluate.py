"""neuralgpu evaluate."""

from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import (
    LONGEST_INPUT,
    AverageOption,
    CountOption,
    JsonOption,
    RunArgument,
    SeedOption,
    TaskOption,
    whole_number,
)

if TYPE_CHECKING:
    from neuralgpu.evaluation.questions import Question
    from neuralgpu.rows import ResultRow
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.tasks import Task


def evaluate(
    run: RunArgument,
    lengths: Annotated[
        list[int] | None,
        whole_number("--length", 1, LONGEST_INPUT, "Length of the inputs, in symbols; may be repeated"),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="NAME|file:PATH",
            help="Distribution of the inputs, see 'neuralgpu suites'; 'random', and for sums 'carry', by default.",
        ),
    ] = None,
    sizes: Annotated[
        list[int] | None,
        whole_number("--size", 0, LONGEST_INPUT, "Size of the suite's inputs, in its own unit; may be repeated"),
    ] = None,
    count: CountOption = 256,
    task: TaskOption = None,
    seed: SeedOption = 0,
    average: AverageOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a trained model's error on inputs longer than those it learned from.

    Rows are kept in the run directory and shown as a table, with 95% Wilson intervals.
    """
    from neuralgpu.evaluation.questions import questions
    from neuralgpu.reporting.tables import results_table
    from neuralgpu.run_directory import open_run
    from neuralgpu.tasks import find_task

    directory = open_run(run)
    for warning in directory.torn_logs():
        typer.echo(f"neuralgpu: {warning}", err=True)
    asked = find_task(task or directory.config().task)
    rows = examined(directory, asked, questions(asked, lengths, suite, count, sizes), seed, average=average)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
        return
    from rich.console import Console

    Console().print(results_table(rows))
    typer.echo(f"Next: neuralgpu report {run}", err=True)


def examined(
    directory: "RunDirectory", task: "Task", asked: list["Question"], seed: int = 0, *, average: bool = False
) -> list["ResultRow"]:
    """Asks the run's models, or their average, about a task, with a progress display."""
    from neuralgpu import devices
    from neuralgpu.cli.progress import display

    devices.configure()
    from neuralgpu.evaluation.judging import check_questions, judged

    check_questions(directory.config(), asked)
    rows: list[ResultRow] = []
    total = sum(question.count for question in asked)
    with display(f"judge {task.name}") as show:

        def watch(done: int, question: "Question") -> None:
            size = "" if question.own_size is None else f" {question.suite.size_name} {question.size}"
            show(done, total, f"{question.suite.name} length {question.length}{size}")

        for finding in judged(directory, task, asked, seed, watch, average=average, warn=_warn):
            rows += finding.rows
    return rows


def _warn(warning: str) -> None:
    typer.echo(f"neuralgpu: {warning}", err=True)

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
    from neuralgpu.evaluation.score import Question
    from neuralgpu.evaluation.suites import Suite
    from neuralgpu.rows import ResultRow
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.tasks import Task

DEFAULT_LENGTHS = (25, 41, 101, 201, 401)
"""Where a task has no inputs of such a length, it is asked about the next shorter ones."""
DEFAULT_CARRIES = (5, 10, 20, 40, 60, 80, 100, 130, 160, 190)


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
    from neuralgpu.reporting.tables import results_table
    from neuralgpu.run_directory import open_run
    from neuralgpu.tasks import find_task

    directory = open_run(run)
    asked = find_task(task or directory.config().task)
    rows = judge(directory, asked, questions(asked, lengths, suite, count, sizes), seed, average=average)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
        return
    from rich.console import Console

    Console().print(results_table(rows))
    typer.echo(f"Next: neuralgpu report {run}", err=True)


def questions(
    task: "Task", lengths: list[int] | None, suite: str | None, count: int, sizes: list[int] | None = None
) -> list["Question"]:
    """Returns what to ask a model of this task.

    Raises:
        UserError: a suite or a length does not go with the task.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.evaluation.score import Question
    from neuralgpu.evaluation.suites import find_suite

    if lengths and sizes:
        raise UserError("Give --length or --size, not both.")
    if sizes and suite is None:
        raise UserError("--size is counted in a suite's own unit; give --suite with it, see 'neuralgpu suites'.")
    named = [suite] if suite is not None else ["random", *(["carry"] if not lengths else [])]
    asked: list[Question] = []
    for found in map(find_suite, named):
        if suite is None and not found.fits(task):
            continue
        found.check_task(task)
        if found.name == "random":
            for length in lengths or ():
                task.check_length(length)
        chosen = sizes or [found.size_of(task, length) for length in lengths or ()] or _usual_sizes(found, task)
        for size in chosen:
            found.check_size(task, size)
            asked.append(Question(found, task, size, count))
    return asked


def _usual_sizes(suite: "Suite", task: "Task") -> list[int]:
    """Returns the sizes that are asked where none are given: those next below the usual lengths."""
    if suite.name == "carry":
        return list(DEFAULT_CARRIES)
    if suite.name.startswith("file:"):
        return suite.sizes(task, LONGEST_INPUT)
    below = (suite.sizes(task, longest) for longest in DEFAULT_LENGTHS)
    return list(dict.fromkeys(sizes[-1] for sizes in below if sizes))


def judge(
    directory: "RunDirectory", task: "Task", asked: list["Question"], seed: int = 0, *, average: bool = False
) -> list["ResultRow"]:
    """Asks the run's models, or their average, about a task, keeps rows and examples, and returns the rows."""
    from neuralgpu import devices
    from neuralgpu.cli.progress import display
    from neuralgpu.cost import check_evaluation
    from neuralgpu.rows import append_lines, append_rows

    config = directory.config()
    check_evaluation(config.model, len(config.seeds), [(question.length, question.count) for question in asked])
    devices.configure()
    from neuralgpu.evaluation.models import load_models
    from neuralgpu.evaluation.score import Question, examine

    models = load_models(directory, task, average=average)
    for warning in models.warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    rows: list[ResultRow] = []
    done = 0
    total = sum(question.count for question in asked)
    with display(f"judge {models.task.name}") as show:

        def watch(question: Question, answered: int) -> None:
            size = "" if question.own_size is None else f" {question.suite.size_name} {question.size}"
            show(done + answered, total, f"{question.suite.name} length {question.length}{size}")

        for question, finding in zip(asked, examine(models, asked, seed, watch), strict=True):
            done += question.count
            rows += finding.rows
            append_rows(directory.results_file, finding.rows)
            append_lines(directory.examples_file, finding.examples)
    return rows

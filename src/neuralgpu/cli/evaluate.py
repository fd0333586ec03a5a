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
        str | None, typer.Option("--suite", help="'random' or 'carry'; all that fit the task by default.")
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
    rows = judge(directory, asked, questions(asked, lengths, suite, count), seed, average=average)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
        return
    from rich.console import Console

    Console().print(results_table(rows))
    typer.echo(f"Next: neuralgpu report {run}", err=True)


def questions(task: "Task", lengths: list[int] | None, suite: str | None, count: int) -> list["Question"]:
    """Returns what to ask a model of this task.

    Raises:
        UserError: a suite or a length does not go with the task.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.evaluation.score import Question
    from neuralgpu.evaluation.suites import SizedSuite, find_suite

    names = (
        [suite]
        if suite is not None
        else ["random", *(["carry"] if task.operation == "addition" and not lengths else [])]
    )
    asked: list[Question] = []
    for found in map(find_suite, names):
        if isinstance(found, SizedSuite) and task.operation != "addition":
            raise UserError(f"Suite {found.name!r} is for addition, {task.name!r} is {task.operation}; use 'random'.")
        carries = map(found.length_of, DEFAULT_CARRIES) if isinstance(found, SizedSuite) else None
        for length in lengths or carries or [max(task.valid_lengths(1, longest)) for longest in DEFAULT_LENGTHS]:
            task.check_length(length)
            question = Question(found, length, count)
            _ = question.size
            asked.append(question)
    return asked


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
            size = "" if question.size is None else f" size {question.size}"
            show(done + answered, total, f"{question.suite.name} length {question.length}{size}")

        for question, finding in zip(asked, examine(models, asked, seed, watch), strict=True):
            done += question.count
            rows += finding.rows
            append_rows(directory.results_file, finding.rows)
            append_lines(directory.examples_file, finding.examples)
    return rows

"""neuralgpu judge."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import LONGEST_INPUT, AverageOption, JsonOption, SeedOption, run_of, whole_number
from neuralgpu.cli.judged import Judged, of_other, of_run, written_down

if TYPE_CHECKING:
    from neuralgpu.evaluation.judgement import Judgement
    from neuralgpu.evaluation.questions import Question
    from neuralgpu.tasks import Task

_JUDGEMENTS = Path("judgements")
_COUNT, _CHAT_COUNT = 512, 64
"""Inputs of a suite and length: with 381 and none of them wrong, the 95% interval ends below 1%. Every answer of a chat
model has its price."""


def judge(
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="[TASK]",
            help="What to ask; with --run by default what it was trained for. Alone, the model of that name that "
            "'neuralgpu models' lists is judged.",
        ),
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", metavar="RUN", help="Judge the models of a run.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="SPEC",
            help="Judge any model: python:PKG.MOD:FUNC, 'cmd:PROGRAM ARGS', 'openai:URL#NAME'.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the judgement; RUN/judgement or judgements/... by default."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the judgement that is there.")] = False,
    suites: Annotated[
        list[str] | None,
        typer.Option("--suite", metavar="NAME", help="Ask only this suite; may be repeated. All that fit by default."),
    ] = None,
    count: Annotated[
        int | None,
        whole_number(
            "--count",
            8,
            1_000_000,
            f"Inputs of each suite and length up to 41, longer ones get fewer; {_COUNT}, of a chat model {_CHAT_COUNT}",
        ),
    ] = None,
    longest: Annotated[int, whole_number("--longest", 3, LONGEST_INPUT, "Length of the longest inputs")] = 401,
    seconds: Annotated[
        int, whole_number("--seconds", 0, 1_000_000, "Time in which counterexamples are shrunk or searched for")
    ] = 20,
    seed: SeedOption = 0,
    average: AverageOption = False,
    timeout: Annotated[
        int | None, whole_number("--timeout", 1, 86_400, "Seconds for an answer of a program or chat model")
    ] = None,
    concurrency: Annotated[int, whole_number("--concurrency", 1, 1000, "Requests to a chat model at once")] = 4,
    requests_per_minute: Annotated[
        int, whole_number("--requests-per-minute", 1, 1_000_000, "Requests to a chat model in a minute")
    ] = 600,
    most_requests: Annotated[
        int, whole_number("--most-requests", 1, 1_000_000_000, "Requests to a chat model in all")
    ] = 20_000,
    most_tokens: Annotated[
        int, whole_number("--most-tokens", 1, 1_000_000_000_000, "Tokens of a chat model in all, asked and answered")
    ] = 2_000_000,
    as_json: JsonOption = False,
) -> None:
    """Find out whether a model knows the algorithm: every suite, thresholds, smallest counterexamples, a report.

    Judges the models of a run, or any function, program or chat model. Inputs of a suite and length are asked until it
    is certain whether the error is below 1%.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.evaluation.adapters.limits import Limits
    from neuralgpu.shipped import shipped_names
    from neuralgpu.tasks import find_task

    if run is None and model is None and task is not None and find_task(task).name in shipped_names():
        run = Path(task)
    if (run is None) == (model is None):
        raise UserError("Give --run RUN for a run's models, or --model SPEC for another model.")
    limits = Limits(
        timeout=None if timeout is None else float(timeout),
        concurrency=concurrency,
        requests_per_minute=float(requests_per_minute),
        most_requests=most_requests,
        most_tokens=most_tokens,
    )
    asked = _task_of(task, run)
    chat = model is not None and model.startswith("openai:")
    questions = _questions(asked, count or (_CHAT_COUNT if chat else _COUNT), longest, suites)
    folder = out or _folder(run, model, asked)
    _make_room(folder, force=force)
    opened = (
        of_run(run, asked, questions, average=average)
        if run is not None
        else of_other(model or "", asked, limits, average=average)
    )
    with opened as judged:
        found = _judge(judged, questions, folder, seed=seed, longest=longest, seconds=float(seconds))
    page = _show(found, folder, as_json=as_json)
    typer.echo(f"Written to {folder}; the report is {page}", err=True)
    if found.counterexamples and run is not None and run_of(run).writable:
        typer.echo(f"Next: neuralgpu evaluate {run} --suite file:{folder / 'counterexamples.jsonl'}", err=True)


def _folder(run: Path | None, model: str | None, task: "Task") -> Path:
    """Returns where the judgement goes: into the run, unless there is none that may be written to."""
    if run is not None and (directory := run_of(run)).writable:
        return directory.judgement
    return _JUDGEMENTS / _file_name(f"{model or run}-{task.name}")


def _task_of(name: str | None, run: Path | None) -> "Task":
    from neuralgpu.errors import UserError
    from neuralgpu.tasks import find_task

    if name is not None:
        return find_task(name)
    if run is None:
        raise UserError("Say which TASK to ask, such as 'badd'; 'neuralgpu tasks' lists them.")
    return find_task(run_of(run).config().task)


def _questions(task: "Task", count: int, longest: int, suites: list[str] | None) -> "list[Question]":
    from neuralgpu.errors import UserError
    from neuralgpu.evaluation.examination import standard_questions

    questions = standard_questions(task, count, longest, suites or None)
    if not questions:
        raise UserError(f"{task.name!r} has no inputs of {longest} symbols or fewer; use a larger --longest.")
    return questions


def _file_name(text: str) -> str:
    return re.sub("[^A-Za-z0-9.]+", "-", text).strip("-.")[-100:]


def _make_room(folder: Path, *, force: bool) -> None:
    from neuralgpu.disk import make_folder
    from neuralgpu.errors import UserError
    from neuralgpu.judgement_record import RECORD_FILE

    if (folder / RECORD_FILE).exists() and not force:
        raise UserError(f"{folder} holds a judgement; replace it with --force, or choose another --out.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; choose another --out.")
    make_folder(folder)
    (folder / RECORD_FILE).unlink(missing_ok=True)


def _judge(
    judged: Judged, questions: "list[Question]", folder: Path, *, seed: int, longest: int, seconds: float
) -> "Judgement":
    """Judges, with a progress display, and writes the record when all is done."""
    from neuralgpu.cli.progress import display
    from neuralgpu.evaluation.judgement import judge as judged_by

    subject, started = judged.subject, time.time()
    with display(f"judge {subject.task.name}") as show:
        found = judged_by(
            subject,
            questions,
            seed=seed,
            longest=longest,
            seconds=seconds,
            folder=folder,
            watch=show,
            gradients=judged.gradients,
            leave_out=tuple(judged.diverged),
        )
    written_down(judged, found, seed, started).write(folder)
    return found


def _show(found: "Judgement", folder: Path, *, as_json: bool) -> Path:
    """Writes the report and prints what was found; returns the report's path."""
    from rich.console import Console

    from neuralgpu.reporting.judgement import read_judgement
    from neuralgpu.reporting.judgement_report import write_judgement_report
    from neuralgpu.reporting.judgement_tables import suites_table
    from neuralgpu.reporting.judgement_verdict import reach_judgement

    page, _ = write_judgement_report(folder)
    if as_json:
        for row in (*found.rows, *found.thresholds):
            typer.echo(row.to_json())
        return page
    console = Console()
    findings = read_judgement(folder)
    verdict = reach_judgement(findings)
    console.print(verdict.text, highlight=False, markup=False)
    for note in verdict.notes:
        console.print(note, style="dim", highlight=False, markup=False)
    console.print()
    console.print(suites_table(findings))
    return page

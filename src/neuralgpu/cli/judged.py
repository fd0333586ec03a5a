"""Who is judged by neuralgpu judge, and what is written down of it."""

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neuralgpu.cli.arguments import run_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuralgpu.evaluation.adapters.limits import Limits
    from neuralgpu.evaluation.adapters.predictor import Predictor
    from neuralgpu.evaluation.judgement import Judgement
    from neuralgpu.evaluation.questions import Question
    from neuralgpu.evaluation.search.substitution import Gradients
    from neuralgpu.evaluation.subject import Subject
    from neuralgpu.judgement_record import JudgementRecord, Kind
    from neuralgpu.tasks import Task


@dataclass(frozen=True)
class Judged:
    """Who is judged, with what the record says of it."""

    subject: "Subject"
    kind: "Kind"
    gradients: "Gradients | None" = None
    trained_to: int | None = None
    trained_with: str | None = None
    trained_on: str | None = None
    trained_seconds: float | None = None
    trained_seeds: tuple[int, ...] = ()
    diverged: "Mapping[int, int]" = field(default_factory=dict)
    predictor: "Predictor | None" = None


@contextmanager
def of_run(run: Path, task: "Task", questions: "list[Question]", *, average: bool) -> Iterator[Judged]:
    """Loads the models of a run, or a model that comes with the package.

    Raises:
        UserError: there is no such run, or the questions would take days.
        DamagedRunError: no checkpoint can be loaded.
    """
    from neuralgpu import devices
    from neuralgpu.cost import check_evaluation

    directory = run_of(run)
    config = directory.config()
    inputs = [(question.length, question.count) for question in questions]
    check_evaluation(config.model, len(config.seeds), inputs, ("--longest", "--count"))
    devices.configure()
    from neuralgpu.evaluation.models import load_models
    from neuralgpu.evaluation.search.gradients import ModelGradients
    from neuralgpu.reporting.run_record import read_run
    from neuralgpu.reporting.wording import plural

    models = load_models(directory, task, average=average)
    for warning in models.warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    for diverged, step in models.diverged.items():
        typer.echo(f"neuralgpu: Seed {diverged} diverged at step {step}: its rows are no finding.", err=True)
    training = read_run(directory.path)
    start = training.start or {}
    yield Judged(
        models,
        "run",
        ModelGradients(models),
        trained_to=config.curriculum.max_length,
        trained_with=start.get("command"),
        trained_on=f"{start['device']}, {plural(start['cores'], 'core')}" if start else None,
        trained_seconds=training.seconds if start else None,
        trained_seeds=models.seeds,
        diverged=models.diverged,
    )


@contextmanager
def of_other(spec: str, task: "Task", limits: "Limits", *, average: bool) -> Iterator[Judged]:
    """Opens anybody's model for as long as the context lasts.

    Raises:
        UserError: there is no such model, or an average is asked of it.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.evaluation.adapters.description import describe
    from neuralgpu.evaluation.adapters.predictor import open_predictor
    from neuralgpu.evaluation.outsider import Outsider

    if average:
        raise UserError("--average takes the mean of a run's seeds; leave it out with --model.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a program that answers is stopped, too
    with open_predictor(spec, limits, describe(task)) as predictor:
        yield Judged(Outsider(spec, task, predictor), predictor.kind, predictor=predictor)


def written_down(judged: Judged, found: "Judgement", seed: int, started: float) -> "JudgementRecord":
    """Returns the record of a judgement that has just ended.

    Args:
        judged: who was judged.
        found: what was found.
        seed: decided the inputs.
        started: Unix time.
    """
    from neuralgpu import devices
    from neuralgpu.judgement_record import JudgementRecord

    subject = judged.subject
    task, predictor = subject.task, judged.predictor
    return JudgementRecord(
        model=subject.run,
        kind=judged.kind,
        task=task.name,
        operation=task.operation,
        sign=getattr(task, "sign", None),
        base=task.base,
        layout=task.layout,
        command=shlex.join(["neuralgpu", *sys.argv[1:]]),
        test_seed=seed,
        started=started,
        seconds=time.time() - started,
        versions=devices.versions(),
        device=devices.device_name() if judged.kind == "run" else None,
        cores=devices.cores(),
        trained_to=judged.trained_to,
        trained_with=judged.trained_with,
        trained_on=judged.trained_on,
        trained_seconds=judged.trained_seconds,
        trained_seeds=list(judged.trained_seeds),
        step=subject.step,
        averaged=subject.averaged,
        seeds=list(subject.answering),
        diverged={str(number): step for number, step in judged.diverged.items()},
        unanswered=dict(predictor.unanswered) if predictor else {},
        asked=found.asked,
        spent=dict(predictor.spent) if predictor else {},
        ended=found.ended,
    )

"""Judges a run, and keeps what it answers."""

from collections.abc import Callable, Iterator, Sequence

from neuralgpu.config import RunConfig
from neuralgpu.cost import check_evaluation
from neuralgpu.evaluation.models import load_models
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import Finding, examine
from neuralgpu.rows import ResultRow, append_lines, append_rows
from neuralgpu.run_directory import RunDirectory
from neuralgpu.tasks import Task


def check_questions(config: RunConfig, asked: Sequence[Question]) -> None:
    """Refuses questions that would take a run's models days.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    check_evaluation(config.model, len(config.seeds), [(question.length, question.count) for question in asked])


def judged(
    directory: RunDirectory,
    task: Task,
    asked: Sequence[Question],
    seed: int,
    watch: Callable[[int, Question], None],
    *,
    average: bool = False,
    warn: Callable[[str], None],
) -> Iterator[Finding]:
    """Asks a run's models one question after the other; keeps rows and examples in the run directory.

    Args:
        directory: the run.
        task: what its models are asked.
        asked: the questions.
        seed: decides the inputs.
        watch: told how many inputs of all questions are answered, and which one is being asked.
        average: whether the seeds answer together.
        warn: told of checkpoints that were passed over, and of seeds that diverged.
    """
    models = load_models(directory, task, average=average)
    for warning in models.warnings:
        warn(warning)
    for diverged, step in models.diverged.items():
        warn(f"Seed {diverged} diverged at step {step}: its rows are no finding about what can be learned.")
    done = 0
    findings = examine(models, list(asked), seed, lambda question, answered: watch(done + answered, question))
    for question, finding in zip(asked, findings, strict=True):
        done += question.count
        append_rows(directory.results_file, finding.rows)
        append_lines(directory.examples_file, finding.examples)
        yield finding


def looked(directory: RunDirectory, task: Task, asked: Sequence[Question], seed: int) -> list[ResultRow]:
    """Asks a run's models some questions and returns the rows, of which nothing is kept in the run directory."""
    models = load_models(directory, task)
    return [row for finding in examine(models, list(asked), seed, lambda *_: None) for row in finding.rows]

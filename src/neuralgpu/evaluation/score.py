"""Scores the models of a run on suites and writes the findings as result rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neuralgpu.devices import versions
from neuralgpu.evaluation.models import TrainedModels
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.statistics import sequence_error, symbol_error, wilson_interval, wrong_symbols
from neuralgpu.evaluation.suites import Example
from neuralgpu.rows import ResultRow

_TEST_STREAM = 0x54455354
_SHOWN_WRONG, _SHOWN_RIGHT = 3, 1


@dataclass(frozen=True)
class Finding:
    """What one question found, for each that answered."""

    rows: list[ResultRow]
    examples: list[dict[str, object]]
    """Some inputs with their answers: wrong ones first."""


def examine(
    models: TrainedModels, questions: list[Question], seed: int, watch: Callable[[Question, int], None]
) -> Iterator[Finding]:
    """Answers one question after the other.

    Args:
        models: the seeds that are judged, or their average, all on the same inputs.
        questions: suites, lengths and counts.
        seed: decides the inputs; none of them comes from the stream that training draws from.
        watch: told how many inputs of the question are done.
    """
    measured_with = versions()
    for question in questions:
        rng = np.random.default_rng([_TEST_STREAM, seed, question.length])
        examples = question.suite.examples(question.task, question.size, question.count, rng)
        grids, targets = _encoded(models, examples, question.length)
        mask = np.any(grids != 0, axis=-1) | (targets != 0)
        parts: list[np.ndarray] = []
        for part in models.outputs(grids, mask):
            parts.append(part)
            watch(question, sum(part.shape[1] for part in parts))
        outputs = np.concatenate(parts, axis=1)
        rows = [
            _row(models, question, of_one, targets, number, measured_with)
            for number, of_one in zip(models.answering, outputs, strict=True)
        ]
        yield Finding(rows, _shown(models, question, examples, outputs, targets))


def _averaged(models: TrainedModels) -> int | None:
    return len(models.seeds) if models.average else None


def _encoded(models: TrainedModels, examples: list[Example], length: int) -> tuple[np.ndarray, np.ndarray]:
    grids = np.zeros((len(examples), length, models.task.rows), np.int32)
    targets = np.zeros((len(examples), length), np.int32)
    for index, example in enumerate(examples):
        grid = models.task.encode(example.input)
        target = models.task.encode_output(example.target, len(grid))
        grids[index, : len(grid)] = grid
        targets[index, : len(target)] = target
    return grids, targets


def _row(
    models: TrainedModels,
    question: Question,
    outputs: np.ndarray,
    targets: np.ndarray,
    seed: int | None,
    measured_with: dict[str, str],
) -> ResultRow:
    error = sequence_error(outputs, targets)
    low, high = wilson_interval(round(error * len(targets)), len(targets))
    return ResultRow(
        run=models.run,
        seed=seed,
        averaged=_averaged(models),
        step=models.step,
        task=models.task.name,
        layout=models.task.layout,
        suite=question.suite.name,
        length=question.length,
        size=question.own_size,
        count=len(targets),
        sequence_error=error,
        symbol_error=symbol_error(outputs, targets),
        ci_low=low,
        ci_high=high,
        versions=measured_with,
    )


def _shown(
    models: TrainedModels, question: Question, examples: list[Example], outputs: np.ndarray, targets: np.ndarray
) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = []
    for seed, of_one in zip(models.answering, outputs, strict=True):
        wrong = wrong_symbols(of_one, targets).any(axis=1)
        chosen = [*np.flatnonzero(wrong)[:_SHOWN_WRONG], *np.flatnonzero(~wrong)[:_SHOWN_RIGHT]]
        shown += [
            {
                "task": models.task.name,
                "suite": question.suite.name,
                "length": question.length,
                "seed": seed,
                "averaged": _averaged(models),
                "step": models.step,
                "input": examples[index].input,
                "target": examples[index].target,
                "output": models.task.decode(np.where(targets[index] != 0, of_one[index], 0)),
            }
            for index in chosen
        ]
    return shown

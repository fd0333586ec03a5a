"""Scores what is examined on suites and writes the findings as result rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from neuralgpu.devices import versions
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.statistics import (
    decided,
    first_wrong_digit,
    sequence_error,
    symbol_error,
    wrong_symbols,
)
from neuralgpu.evaluation.subject import Subject
from neuralgpu.evaluation.suites import Example
from neuralgpu.proportion import wilson_interval
from neuralgpu.rows import SUCCESS_BELOW, ResultRow
from neuralgpu.tasks import Task

_TEST_STREAM = 0x54455354
_SHOWN_WRONG, _SHOWN_RIGHT = 3, 1
_AT_ONCE = 64
"""Inputs after which it is asked whether the answer is certain."""


@dataclass(frozen=True)
class Finding:
    """What one question found, for each that answered."""

    rows: list[ResultRow]
    examples: list[dict[str, object]]
    """Some inputs with their answers: wrong ones first."""
    asked: list[Example]
    """All the inputs."""
    wrong: Bool[np.ndarray, "answering batch"]
    """Which of them were answered wrongly."""


def examine(
    subject: Subject,
    questions: list[Question],
    seed: int,
    watch: Callable[[Question, int], None],
    *,
    until_certain: bool = False,
) -> Iterator[Finding]:
    """Answers one question after the other.

    Args:
        subject: what is examined; all that answer are given the same inputs.
        questions: suites, lengths and counts.
        seed: decides the inputs; none of them comes from the stream that training draws from.
        watch: told how many inputs of the question are done.
        until_certain: whether no more inputs are asked once it is certain, for all that answer, whether their error is
            below 1%: the 95% intervals lie wholly above it or below it. Questions that are to be asked whole are.
    """
    measured_with = versions()
    for question in questions:
        rng = np.random.default_rng([_TEST_STREAM, seed, question.length])
        examples = question.suite.examples(question.task, question.size, question.count, rng)
        targets = _targets(subject.task, examples, question.length)
        planned, done, may_end = len(examples), 0, until_certain and not question.whole
        outputs = np.zeros((len(subject.answering), 0, question.length), np.int32)
        wrong = np.zeros(outputs.shape[:2], bool)
        while done < planned:
            for part in subject.symbols(examples[done : done + _AT_ONCE] if may_end else examples, question.length):
                outputs = np.concatenate([outputs, part], axis=1)
                watch(question, outputs.shape[1])
            done = outputs.shape[1]
            wrong = np.asarray(wrong_symbols(outputs, targets[:done]).any(axis=-1))
            if may_end and all(decided(errors, done, SUCCESS_BELOW) for errors in set(wrong.sum(axis=1).tolist())):
                break
        examples, targets = examples[:done], targets[:done]
        rows = [
            _row(subject, question, of_one, targets, number, planned if done < planned else None, measured_with)
            for number, of_one in zip(subject.answering, outputs, strict=True)
        ]
        yield Finding(rows, _shown(subject, question, examples, outputs, targets), examples, wrong)


def wrong_answers(subject: Subject, examples: list[Example], length: int) -> Bool[np.ndarray, "answering batch"]:
    """Asks inputs of a nominal length and says which are answered wrongly, by each that answers."""
    outputs = np.concatenate(list(subject.symbols(examples, length)), axis=1)
    return np.asarray(wrong_symbols(outputs, _targets(subject.task, examples, length)).any(axis=-1))


def _targets(task: Task, examples: list[Example], length: int) -> Int[np.ndarray, "batch length"]:
    targets = np.zeros((len(examples), length), np.int32)
    for index, example in enumerate(examples):
        target = task.encode_output(example.target, len(task.encode(example.input)))
        targets[index, : len(target)] = target
    return targets


def _row(
    subject: Subject,
    question: Question,
    outputs: np.ndarray,
    targets: np.ndarray,
    seed: int | None,
    planned: int | None,
    measured_with: dict[str, str],
) -> ResultRow:
    error = sequence_error(outputs, targets)
    low, high = wilson_interval(round(error * len(targets)), len(targets))
    first = first_wrong_digit(outputs, targets)
    return ResultRow(
        run=subject.run,
        seed=seed,
        averaged=subject.averaged,
        step=subject.step,
        task=subject.task.name,
        layout=subject.task.layout,
        suite=question.suite.name,
        length=question.length,
        size=question.own_size,
        count=len(targets),
        planned=planned,
        sequence_error=error,
        symbol_error=symbol_error(outputs, targets),
        ci_low=low,
        ci_high=high,
        first_wrong=float(np.median(first[first >= 0])) if (first >= 0).any() else None,
        versions=measured_with,
    )


def _shown(
    subject: Subject, question: Question, examples: list[Example], outputs: np.ndarray, targets: np.ndarray
) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = []
    for seed, of_one in zip(subject.answering, outputs, strict=True):
        wrong = wrong_symbols(of_one, targets).any(axis=1)
        chosen = [*np.flatnonzero(wrong)[:_SHOWN_WRONG], *np.flatnonzero(~wrong)[:_SHOWN_RIGHT]]
        shown += [
            {
                "task": subject.task.name,
                "suite": question.suite.name,
                "length": question.length,
                "seed": seed,
                "averaged": subject.averaged,
                "step": subject.step,
                "input": examples[index].input,
                "target": examples[index].target,
                "output": subject.task.decode(np.where(targets[index] != 0, of_one[index], 0)),
            }
            for index in chosen
        ]
    return shown

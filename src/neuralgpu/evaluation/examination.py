"""The standard examination: every suite of a task at every length, most inputs where they cost least."""

from collections.abc import Sequence

from neuralgpu.evaluation.questions import DEFAULT_LENGTHS, Question
from neuralgpu.evaluation.suites import Suite, find_suite, suites_for
from neuralgpu.tasks import Task

LENGTHS = (11, *DEFAULT_LENGTHS)
LONGEST = max(LENGTHS)
ZEROS = 99
"""Zeros before the single digits in the paper's Table 3."""
_FULL_COUNT_TO = 41
"""Length up to which all are asked as often; the cost of an input grows with its square."""
_FEWEST = 8
_OF_RANDOM = 4
"""Times as many long inputs are asked of the task's own distribution."""


def inputs_at(length: int, count: int) -> int:
    """Returns how many inputs of a length cost about as much as `count` of 41 symbols, a multiple of 8.

    >>> inputs_at(41, 384), inputs_at(101, 384), inputs_at(401, 384)
    (384, 64, 8)
    """
    if length <= _FULL_COUNT_TO:
        return count
    share = count * (_FULL_COUNT_TO / length) ** 2
    return min(count, max(_FEWEST, round(share / _FEWEST) * _FEWEST))


def standard_questions(
    task: Task, count: int, longest: int = LONGEST, suites: Sequence[str] | None = None
) -> list[Question]:
    """Returns what the standard examination asks, suite after suite, short inputs first.

    Args:
        task: what is asked.
        count: inputs for each suite and length up to 41 symbols; longer ones get fewer.
        longest: no input is longer.
        suites: names of the suites; all that fit the task when None.

    Raises:
        UserError: a suite is unknown, or has no inputs for the task.
    """
    chosen = suites_for(task) if suites is None else [find_suite(name) for name in suites]
    asked: list[Question] = []
    for suite in chosen:
        suite.check_task(task)
        for size in _sizes(suite, task, longest):
            length = suite.length_of(task, size)
            times = _OF_RANDOM if suite.name == "random" and length > _FULL_COUNT_TO else 1
            number = min(count, times * inputs_at(length, count))
            every_pair = suite.name == "leading-zeros" and size == min(ZEROS, max(suite.sizes(task, longest)))
            if every_pair:
                number = max(number, task.base**2)
            asked.append(Question(suite, task, size, number, whole=every_pair))
    return asked


def _sizes(suite: Suite, task: Task, longest: int) -> list[int]:
    lengths = [length for length in LENGTHS if length < longest]
    below = (suite.sizes(task, length) for length in (*lengths, longest))
    return list(dict.fromkeys(sizes[-1] for sizes in below if sizes))

"""Suites: named distributions of test inputs, as texts, so that they judge any program that answers texts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuralgpu.errors import UserError, unknown_name
from neuralgpu.tasks import Task
from neuralgpu.tasks.numerals import to_int, to_text


@dataclass(frozen=True)
class Example:
    """One test input and the exact answer to it, most significant digit first."""

    input: str
    target: str


class Suite(ABC):
    """A distribution of test inputs; every target is worked out on Python integers."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Where the inputs come from: a section of the paper."""

    @abstractmethod
    def examples(self, task: Task, length: int, count: int, rng: np.random.Generator) -> list[Example]:
        """Draws test inputs of one nominal length.

        Raises:
            UserError: the suite has no inputs for this task or length.
        """


class SizedSuite(Suite):
    """A suite whose inputs have a size that says more about them than their length."""

    size_name: ClassVar[str]
    """What the size counts."""

    @abstractmethod
    def length_of(self, size: int) -> int:
        """Returns the input length for a size.

        Raises:
            UserError: there is no such size.
        """

    @abstractmethod
    def size_of(self, length: int) -> int:
        """Returns the size of the inputs of a valid length.

        Raises:
            UserError: the inputs of that length have no size.
        """


class Random(Suite):
    """The task's own operands, drawn uniformly."""

    name = "random"
    source = "section 4"

    def examples(self, task: Task, length: int, count: int, rng: np.random.Generator) -> list[Example]:
        """Draws inputs as training without carry runs would; unpadded inputs may be shorter than `length`."""
        grids = task.own_distribution().sample(rng, length, count).grid
        texts = [task.decode_input(grid) for grid in grids]
        return [Example(text, task.solve(text)) for text in texts]


class Carry(SizedSuite):
    """Sums in which one carry runs through c digits, and sums that only just start none.

    Half of the sums are x + y = base**c, the other half x + y = base**c - 1, with x uniform in [1, base**c - 1] and the
    operands swapped at random. Both are written with c + 1 digits, or with their natural digits if unpadded.
    """

    name = "carry"
    source = "section 5"
    size_name = "carry length"

    def length_of(self, size: int) -> int:
        """Two operands of c + 1 digits and the operator take 2c + 3 symbols."""
        if size < 1:
            raise UserError(f"A carry length of {size} is not possible; the shortest is 1.")
        return 2 * size + 3

    def size_of(self, length: int) -> int:
        """Returns c for a length of 2c + 3."""
        if length < 5 or length % 2 == 0:
            raise UserError(f"Suite 'carry' has no inputs of length {length} (odd lengths from 5).")
        return (length - 3) // 2

    def examples(self, task: Task, length: int, count: int, rng: np.random.Generator) -> list[Example]:
        """Draws sums with and without the carry in turns."""
        if task.operation != "addition":
            raise UserError(f"Suite 'carry' tests addition only, not {task.name!r}. Use an addition task or 'random'.")
        task.check_length(length)
        digits = self.size_of(length)
        width = 1 if task.layout == "unpadded" else digits + 1
        drawn = []
        for number in range(count):
            total = task.base**digits - number % 2
            first = _draw_positive(rng, task.base, digits)
            operands = [to_text(value, task.base).zfill(width) for value in (first, total - first)]
            text = "+".join(operands if rng.integers(2) else reversed(operands))
            drawn.append(Example(text, task.solve(text)))
        return drawn


def _draw_positive(rng: np.random.Generator, base: int, digits: int) -> int:
    """Draws a number uniformly from [1, base**digits - 1], however long."""
    value = 0
    while value == 0:
        value = to_int("".join(map(str, rng.integers(base, size=digits).tolist())), base)
    return value


_SUITES: dict[str, Suite] = {suite.name: suite for suite in (Random(), Carry())}


def suite_names() -> list[str]:
    """Returns the names of all suites."""
    return list(_SUITES)


def find_suite(name: str) -> Suite:
    """Returns the suite of that name.

    Raises:
        UserError: no suite has that name.
    """
    if name not in _SUITES:
        raise unknown_name("suite", name, _SUITES)
    return _SUITES[name]

"""What suites of two numbers have in common."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from neuralgpu.evaluation.suites.suite import Suite
from neuralgpu.tasks import Task
from neuralgpu.tasks.arithmetic import Arithmetic
from neuralgpu.tasks.numerals import to_int

CARRY_LENGTH = "carry length"
"""The size of suites of carries: the number of digits that a carry runs through."""
Pair = tuple[str, str]
"""Digits of two operands, most significant first."""


class Pairs(Suite):
    """A suite of operands, which are written with the same number of digits unless the layout is unpadded.

    Operands change places half of the time where that is another input. The larger one is subtracted from; nothing is
    divided by zero.
    """

    operations: ClassVar[tuple[str, ...]] = ("addition", "subtraction", "multiplication", "division")
    size_name = "digits"
    smallest: ClassVar[int] = 2

    @abstractmethod
    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws operands, without end or until there is no other pair."""

    def width(self, size: int) -> int:
        """Returns the number of digits that operands of a size are written with."""
        return size

    def fits(self, task: Task) -> bool:
        """Asks for an operation on two numbers."""
        return isinstance(task, Arithmetic) and task.operation in self.operations

    def length_of(self, task: Task, size: int) -> int:
        """Two operands and the operator."""
        return 2 * self.width(size) + 1

    def valid_size(self, task: Task, size: int) -> bool:
        """Every number of digits from the smallest."""
        return size >= self.smallest

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Writes the operands as the task's layout has them."""
        assert isinstance(task, Arithmetic), "fits() said so"
        width = 1 if task.layout == "unpadded" else self.width(size)
        for pair in self.pairs(task, size, rng):
            first, second = (operand.lstrip("0").zfill(width) for operand in pair)
            if rng.integers(2):
                first, second = second, first
            if task.operation == "subtraction" and to_int(first, task.base) < to_int(second, task.base):
                first, second = second, first
            if task.operation == "division" and not second.strip("0"):
                first, second = second, first
            if task.operation != "division" or second.strip("0"):
                yield f"{first}{task.sign}{second}"


def text_of_digits(digits: np.ndarray) -> str:
    """Writes digits in the order of the array."""
    return "".join(map(str, digits.tolist()))


def drawn_digits(rng: np.random.Generator, base: int, count: int) -> str:
    """Draws uniform digits."""
    return text_of_digits(rng.integers(base, size=count))


def drawn_number(rng: np.random.Generator, base: int, digits: int) -> str:
    """Draws the digits of a number uniformly from [1, base**digits - 1]."""
    while not (drawn := drawn_digits(rng, base, digits)).strip("0"):
        pass
    return drawn

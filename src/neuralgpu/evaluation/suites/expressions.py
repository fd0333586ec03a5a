"""Suites of expressions: what uniform characters hardly ever put together."""

import math
from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites.suite import Suite
from neuralgpu.tasks import Task
from neuralgpu.tasks.expressions import Expression

_SHORTEST = 3
_LONGEST_NUMBER = 3
_HIGH, _LOW = "*/", "+-"


class Expressions(Suite):
    """A suite of expressions that are exactly as long as their size.

    Numbers have one to three digits, but for the first one, which takes up what is left: before a '-' it is long enough
    to stay above zero. What divides by zero, or still falls below it, is drawn again.
    """

    def length_of(self, task: Task, size: int) -> int:
        """The size is the length."""
        return size

    def valid_size(self, task: Task, size: int) -> bool:
        """An operator and a number on either side."""
        return size >= _SHORTEST

    def fits(self, task: Task) -> bool:
        """Asks for expressions that have the operators."""
        return isinstance(task, Expression) and bool(self.signs(task))

    @abstractmethod
    def signs(self, task: Expression) -> list[str]:
        """Returns the cycles of operators that expressions may go through; none if the task has not got them."""

    def number(self, task: Expression, rng: np.random.Generator, digits: int) -> str:
        """Draws a number."""
        return "".join(map(str, rng.integers(task.base, size=digits).tolist()))

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Builds expressions from their end."""
        assert isinstance(task, Expression), "fits() said so"
        cycles = self.signs(task)
        while True:
            text = self._drawn(task, cycles[int(rng.integers(len(cycles)))], size, rng)
            try:
                task.solve(text)
            except UserError:
                continue
            yield text

    def _drawn(self, task: Expression, signs: str, size: int, rng: np.random.Generator) -> str:
        # What is subtracted from has to be larger than a term for each place behind it.
        first = 1 if "-" not in signs else _LONGEST_NUMBER * len(signs) + math.ceil(math.log(size, task.base))
        behind, number = "", 0
        while True:
            digits = int(rng.integers(1, _LONGEST_NUMBER + 1))
            room = size - len(behind) - 1
            if behind and room - digits < first:
                return Expressions.number(self, task, rng, room + 1) + behind
            digits = min(digits, room - 1)
            behind = signs[-1 - number % len(signs)] + self.number(task, rng, digits) + behind
            number += 1


class OneOperator(Expressions):
    """The same operator throughout."""

    name = "one-operator"
    about = "one operator throughout, such as 12*3*210*1"
    source = "long runs, which uniform characters never give"

    def signs(self, task: Expression) -> list[str]:
        """Each operator by itself."""
        return list(task.signs)


class Precedence(Expressions):
    """Operators that bind more and less tightly in turns."""

    name = "precedence"
    about = "operators of high and low precedence in turns, such as 1+2*3-4/1"
    source = "where precedence decides at every operator"

    def signs(self, task: Expression) -> list[str]:
        """All pairs of one and the other."""
        low, high = ([sign for sign in signs if sign in task.signs] for signs in (_LOW, _HIGH))
        return [second + first for first in low for second in high]


class Divisions(Expressions):
    """Chains of divisions, and of divisions and products in turns: what is rounded early decides what comes later."""

    name = "divisions"
    about = "chains of divisions and products, such as 3120/2*3/11"
    source = "where the order of rounding decides"

    def signs(self, task: Expression) -> list[str]:
        """Divisions alone, and with products."""
        if "/" not in task.signs:
            return []
        return ["/", "*/"] if "*" in task.signs else ["/"]


class Zeros(Expressions):
    """Numbers that are zero half of the time, and else random; uniform characters give few."""

    name = "zeros"
    about = "every other number is zero, such as 000*3+0"
    source = "section 5, zeros"

    def signs(self, task: Expression) -> list[str]:
        """Cycles of one operator; zero is divided, and nothing is divided by it."""
        return list(task.signs)

    def number(self, task: Expression, rng: np.random.Generator, digits: int) -> str:
        """Draws zeros half of the time."""
        return "0" * digits if rng.integers(2) else super().number(task, rng, digits)

"""Addition of two numbers: uniform operands, the published carry-rich ones, and ours."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

from neuralgpu.errors import UserError
from neuralgpu.tasks import numerals
from neuralgpu.tasks.arithmetic import Arithmetic
from neuralgpu.tasks.task import Task


@dataclass(frozen=True)
class Addition(Arithmetic):
    """The sum of two numbers."""

    carry_share: float = 0.0
    """Share of the drawn sums (0 to 1) that hold a carry run; a setting of training, on top of the task.

    A run has length r uniform in 1..k and is placed uniformly; its pairs of digits add to base - 1, so that it passes
    a carry on. In 80% of the runs a carry starts in the lowest column of the run (its pair adds to base or more, all
    such pairs alike); in 20% none starts there. The digits outside of the run stay uniform.
    """
    repeat_share: float = 0.0
    """Share of the drawn sums (0 to 1) in which one digit is repeated; a setting of training, on top of the task.

    A stretch of columns has length r uniform in 1..k and is placed uniformly; in it each operand, in two cases of
    three, has one digit throughout: 0, base - 1 or a uniform one, a third of them each. Carry runs are written over it.
    """
    carry_rich: bool = False
    """Draws as the published tasks with a 't' do: of five sums one with a long run of the highest digit, one that
    adds to a power of the base or to one less, three uniform."""

    operation: ClassVar[str] = "addition"
    short_name: ClassVar[str] = "add"
    sign: ClassVar[str] = "+"

    def __post_init__(self) -> None:
        """Refuses shares outside of 0 to 1."""
        for name, share in (("carry", self.carry_share), ("repeat", self.repeat_share)):
            if not 0 <= share <= 1:
                raise UserError(f"A {name} share of {share} is not possible; give a number from 0 to 1.")

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields addition in every base and layout, with uniform and with carry-rich operands."""
        for task in super().members():
            if isinstance(task, Addition):
                yield from (task, replace(task, carry_rich=True))

    @property
    def name(self) -> str:
        """The name of the uniform task, and a 't' for carry-rich operands."""
        return super().name + ("t" if self.carry_rich else "")

    def own_distribution(self) -> "Addition":
        """Returns the task without carry runs and repeated digits."""
        return replace(self, carry_share=0.0, repeat_share=0.0)

    def draw_operands(
        self, rng: np.random.Generator, digits: int, count: int
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Draws operands and writes repeated digits and carry runs into some of them."""
        first, second = super().draw_operands(rng, digits, count)
        if self.carry_rich:
            first, second = self._enriched(rng, first, second)
        if self.repeat_share:
            first, second = self._with_repeats(rng, first, second)
        if self.carry_share:
            first, second = self._with_runs(rng, first, second)
        return first, second

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch result"]:
        """Adds digit by digit."""
        return numerals.add(first, second, self.base, width)

    def result(self, first: int, second: int) -> int:
        """Adds."""
        return first + second

    def _enriched(
        self, rng: np.random.Generator, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"]
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Replaces two fifths of the pairs.

        A fifth by (b^high - b^(low - 1), U[0, b^low - 1]) with low <= high from U[1, k]; a fifth by x from
        U[1, b^m - 1] and b^m - x or b^m - x - 1, where m is k or from U[1, k]. Their order is swapped half the time.
        """
        count, digits = first.shape
        columns = np.arange(digits)
        kind = rng.random(count)
        swapped = rng.random(count) < 0.5

        low, high = np.sort(rng.integers(1, digits + 1, size=(2, count)), axis=0)[..., None]
        run = np.where((columns >= low - 1) & (columns < high), self.base - 1, 0)
        onto = np.where(columns < low, second, 0)

        power = np.where(rng.random(count) < 0.5, digits, rng.integers(1, digits + 1, size=count))[:, None]
        part = np.where(columns < power, first, 0)
        part = numerals.drawn_positive(rng, part, self.base, power)
        rest = np.where(columns < power, self.base - 1 - part, 0)
        rest[:, 0] += rng.integers(2, size=count)
        rest = numerals.resolve_carries(rest, self.base)

        is_run, is_power = (kind < 0.2)[:, None], ((kind >= 0.2) & (kind < 0.4))[:, None]
        pair = (
            np.where(is_run, run, np.where(is_power, part, first)).astype(np.int32),
            np.where(is_run, onto, np.where(is_power, rest, second)).astype(np.int32),
        )
        return np.where(swapped[:, None], pair[1], pair[0]), np.where(swapped[:, None], pair[0], pair[1])

    def _with_repeats(
        self, rng: np.random.Generator, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"]
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        _, _, within = _drawn_stretches(rng, first, self.repeat_share)

        def repeated(operand: Int[np.ndarray, "batch digit"]) -> Int[np.ndarray, "batch digit"]:
            count = len(operand)
            kind, uniform = rng.integers(3, size=count), rng.integers(self.base, size=count)
            digit = np.where(kind == 0, 0, np.where(kind == 1, self.base - 1, uniform))
            has_repeat = rng.random(count) < 2 / 3
            return np.where(within & has_repeat[:, None], digit[:, None], operand).astype(operand.dtype)

        return repeated(first), repeated(second)

    def _with_runs(
        self, rng: np.random.Generator, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"]
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        count = len(first)
        has_run, lowest, in_run = _drawn_stretches(rng, first, self.carry_share)
        second = np.where(in_run, self.base - 1 - first, second)

        starting = np.flatnonzero(has_run & (rng.random(count) < 0.8))
        pairs = np.argwhere(np.add.outer(np.arange(self.base), np.arange(self.base)) >= self.base)
        chosen = pairs[rng.integers(len(pairs), size=len(starting))]
        first[starting, lowest[starting]] = chosen[:, 0]
        second[starting, lowest[starting]] = chosen[:, 1]
        return first, second


def _drawn_stretches(
    rng: np.random.Generator, operand: Int[np.ndarray, "batch digit"], share: float
) -> tuple[Bool[np.ndarray, "batch"], Int[np.ndarray, "batch"], Bool[np.ndarray, "batch digit"]]:
    """Draws a stretch of columns for a share of the inputs, of uniform length and place.

    Returns:
        Which inputs have one, where it begins, and which columns lie in it.
    """
    count, digits = operand.shape
    has_stretch = rng.random(count) < share
    length = rng.integers(1, digits + 1, size=count)
    lowest = rng.integers(0, digits - length + 1)
    distance = np.arange(digits) - lowest[:, None]
    return has_stretch, lowest, has_stretch[:, None] & (distance >= 0) & (distance < length[:, None])

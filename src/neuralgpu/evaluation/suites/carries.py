"""Suites of sums with long carries."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from neuralgpu.evaluation.suites.pairs import CARRY_LENGTH, Pair, Pairs, drawn_number, text_of_digits
from neuralgpu.tasks.arithmetic import Arithmetic
from neuralgpu.tasks.numerals import to_int, to_text


class Carry(Pairs):
    """Sums in which one carry runs through c digits, and sums that only just start none.

    Half of the sums are x + y = base**c, the other half x + y = base**c - 1, with x uniform in [1, base**c - 1]. Both
    are written with c + 1 digits, or with their natural digits if unpadded.
    """

    name = "carry"
    about = "sums that equal b^c or b^c - 1: a carry through c digits, or just none"
    source = "section 5"
    size_name = CARRY_LENGTH
    operations = ("addition",)
    smallest = 1

    def width(self, size: int) -> int:
        """One more digit, for the last carry."""
        return size + 1

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws sums with and without the carry in turns."""
        total = task.base**size
        while True:
            for sum_ in (total, total - 1):
                first = to_int(drawn_number(rng, task.base, size), task.base)
                yield to_text(first, task.base), to_text(sum_ - first, task.base)


class CarryChain(Pairs):
    """Sums with one chain of carries through k digits, and no carry elsewhere.

    The chain starts in a column whose digits add to the base or more, and runs through k - 1 columns whose digits add
    to base - 1. `inside` puts it somewhere among three times as many digits; otherwise it starts at the lowest one.
    With `overflow` it leaves at the top and makes the sum longer; without, the column behind it takes it up.
    """

    operations = ("addition",)
    size_name = CARRY_LENGTH
    smallest = 1

    def __init__(self, *, inside: bool, overflow: bool) -> None:
        """Says where the chain lies."""
        self.inside, self.overflow = inside, overflow

    def width(self, size: int) -> int:
        """Returns the digits of a chain with what lies around it."""
        return size + (0 if self.overflow else 1) + (2 * size if self.inside else 0)

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws column by column, lowest first."""
        base, width = task.base, self.width(size)
        every = np.array(list(product(range(base), repeat=2)))
        sums = every.sum(axis=1)
        starting, passing, without = every[sums >= base], every[sums == base - 1], every[sums <= base - 2]
        # The digits behind the chain take up its carry: what they add to may be no more than base - 2.
        while True:
            columns = without[rng.integers(len(without), size=width)]
            lowest = width - size if self.overflow else int(rng.integers(width - size)) if self.inside else 0
            columns[lowest] = starting[rng.integers(len(starting))]
            columns[lowest + 1 : lowest + size] = passing[rng.integers(len(passing), size=size - 1)]
            yield text_of_digits(columns[::-1, 0]), text_of_digits(columns[::-1, 1])


class CarryLow(CarryChain):
    """A chain from the lowest digit."""

    name = "carry-low"
    about = "a carry that starts at the lowest digit, runs through c digits and ends"
    source = "chains of the paper's length, at one end"

    def __init__(self) -> None:
        """A chain at the low end."""
        super().__init__(inside=False, overflow=False)


class CarryInside(CarryChain):
    """A chain somewhere among other digits."""

    name = "carry-inside"
    about = "a carry through c digits somewhere among three times as many, no other carry"
    source = "whether the place of a chain matters"

    def __init__(self) -> None:
        """A chain at a random offset."""
        super().__init__(inside=True, overflow=False)


class CarryOverflow(CarryChain):
    """A chain that makes the sum longer than its operands."""

    name = "carry-overflow"
    about = "a carry from the lowest digit through all c digits and out at the top"
    source = "whether the end of the number stops a chain"

    def __init__(self) -> None:
        """A chain over all the digits."""
        super().__init__(inside=False, overflow=True)

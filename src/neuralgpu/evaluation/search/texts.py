"""Inputs as texts that can be changed: runs of digits, and what stands between them."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from neuralgpu.errors import UserError
from neuralgpu.tasks import Task

Size = tuple[int, int, str]
"""Length in symbols, sum of the digits, text: in this order one input is smaller than another."""

_NUMBERS = re.compile("([0-9]+)")


class Parts(NamedTuple):
    """A text taken apart."""

    numbers: list[str]
    """Runs of digits, in reading order."""
    between: list[str]
    """What stands before, between and behind them: one more than there are numbers."""

    @property
    def width(self) -> int:
        """Digits of the longest number."""
        return max(map(len, self.numbers), default=0)

    def write(self, numbers: Sequence[str]) -> str:
        """Writes other numbers into the places of these; one without a digit becomes 0."""
        pairs = zip(numbers, self.between[1:], strict=True)
        return self.between[0] + "".join((number or "0") + behind for number, behind in pairs)

    def write_one(self, index: int, number: str) -> str:
        """Writes another number into one place."""
        return self.write([*self.numbers[:index], number, *self.numbers[index + 1 :]])


def taken_apart(text: str) -> Parts:
    """Splits a text into its numbers and the rest.

    >>> taken_apart("101+11")
    Parts(numbers=['101', '11'], between=['', '+', ''])
    """
    pieces = _NUMBERS.split(text)
    return Parts(pieces[1::2], pieces[::2])


class Read(NamedTuple):
    """What a task reads a text as."""

    normal: str
    """The input as it lies on the grid, with the zeros that the layout adds."""
    length: int
    """In symbols."""
    target: str
    """The exact answer."""


@lru_cache(maxsize=1 << 15)
def read(task: Task, text: str) -> Read | None:
    """Returns what a task reads a text as; None for what is no input of it."""
    try:
        target, grid = task.solve(text), task.encode(text)
    except UserError:
        return None
    return Read(task.decode_input(grid), len(grid), target)


def normal(task: Task, text: str) -> str | None:
    """Returns an input as it lies on the grid; None for what is no input.

    >>> from neuralgpu.tasks import find_task
    >>> normal(find_task("badd"), "101+1"), normal(find_task("badd"), "101+")
    ('101+001', None)
    """
    found = read(task, text)
    return None if found is None else found.normal


def normal_ones(task: Task, texts: Iterable[str]) -> list[str]:
    """Returns the inputs among some texts in their normal form, each once."""
    found = (read(task, text) for text in dict.fromkeys(texts))
    return list(dict.fromkeys(one.normal for one in found if one is not None))


def length_of(task: Task, text: str) -> int:
    """Returns the length of an input in symbols."""
    return _input(task, text).length


def target_of(task: Task, text: str) -> str:
    """Returns the exact answer to an input."""
    return _input(task, text).target


def _input(task: Task, text: str) -> Read:
    found = read(task, text)
    assert found is not None, "only inputs are measured and solved"
    return found


def size_of(task: Task, text: str) -> Size:
    """Returns what inputs are ordered by: fewer symbols first, then smaller digits, then the texts themselves."""
    return length_of(task, text), sum(map(int, "".join(taken_apart(text).numbers))), text


def number_from(digits: str, low: int, high: int, new: str) -> str:
    """Writes other digits into a number's columns from `low` up to `high`, counted from the least significant.

    >>> number_from("98765", 1, 3, "")
    '985'
    """
    end = len(digits)
    return digits[: max(end - high, 0)] + new + digits[max(end - low, 0) :]


def columns(digits: str, low: int, high: int) -> str:
    """Returns a number's digits in the columns from `low` up to `high`, counted from the least significant.

    >>> columns("98765", 1, 3)
    '76'
    """
    end = len(digits)
    return digits[max(end - high, 0) : max(end - low, 0)]

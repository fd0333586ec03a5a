"""What a suite is: a named distribution of test inputs, as texts, so that it judges any program that answers texts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np

from neuralgpu.errors import UserError
from neuralgpu.tasks import Task


@dataclass(frozen=True)
class Example:
    """One test input and the exact answer to it, most significant digit first."""

    input: str
    target: str


class Suite(ABC):
    """A distribution of test inputs for every size; every target is worked out on Python integers.

    A size is what makes the inputs harder: their length, or the number of digits that a carry runs through.
    """

    name: str
    about: ClassVar[str]
    """What the inputs are, in a line."""
    source: ClassVar[str]
    """Where the inputs come from: a section of the paper, or what they are made to find."""
    size_name: ClassVar[str] = "length"
    """What the size counts."""

    @abstractmethod
    def fits(self, task: Task) -> bool:
        """Says whether the suite has inputs for a task."""

    @abstractmethod
    def length_of(self, task: Task, size: int) -> int:
        """Returns the nominal length of the inputs of a valid size, in symbols; none is longer."""

    @abstractmethod
    def valid_size(self, task: Task, size: int) -> bool:
        """Says whether there are inputs of a size."""

    @abstractmethod
    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Draws inputs of a valid size for a task that fits, without end or until there is no other one."""

    def sizes(self, task: Task, longest: int) -> list[int]:
        """Returns the valid sizes whose inputs are no longer than `longest` symbols, rising."""
        return [
            size
            for size in range(1, longest + 1)
            if self.valid_size(task, size) and self.length_of(task, size) <= longest
        ]

    def size_of(self, task: Task, length: int) -> int:
        """Returns the largest size whose inputs have a length.

        Raises:
            UserError: no inputs have that length.
        """
        self.check_task(task)
        sizes = {self.length_of(task, size): size for size in self.sizes(task, 2 * length + _SEARCHED)}
        if length not in sizes:
            below, above = (
                max(filter(length.__gt__, sizes), default=None),
                min(filter(length.__lt__, sizes), default=None),
            )
            nearest = " or ".join(str(near) for near in (below, above) if near is not None)
            remedy = f" Nearest: {nearest}." if nearest else ""
            raise UserError(f"Suite {self.name!r} has no inputs of length {length} for {task.name!r}.{remedy}")
        return sizes[length]

    def check_task(self, task: Task) -> None:
        """Refuses a task that the suite has no inputs for.

        Raises:
            UserError: it has none.
        """
        if not self.fits(task):
            raise UserError(
                f"Suite {self.name!r} has no inputs for {task.name!r} ({task.operation}, {task.layout}); "
                f"use 'random', or see 'neuralgpu suites {task.name}'."
            )

    def check_size(self, task: Task, size: int) -> None:
        """Refuses a task or a size that the suite has no inputs for.

        Raises:
            UserError: it has none.
        """
        self.check_task(task)
        if not self.valid_size(task, size):
            above = next((near for near in range(max(size, 0), size + 100) if self.valid_size(task, near)), None)
            nearest = "" if above is None else f" The next one is {above}."
            raise UserError(f"Suite {self.name!r} has no {self.size_name} {size} for {task.name!r}.{nearest}")

    def examples(self, task: Task, size: int, count: int, rng: np.random.Generator) -> list[Example]:
        """Draws test inputs of one size; fewer than `count` if there are no more.

        Raises:
            UserError: the suite has no inputs for this task or size.
        """
        self.check_size(task, size)
        return [Example(text, task.solve(text)) for text in islice(self.inputs(task, size, rng), count)]


_SEARCHED = 20
"""Symbols beyond which the next valid length is not looked for."""


class Random(Suite):
    """The task's own inputs; those of unpadded numbers may be shorter than their nominal length."""

    name = "random"
    about = "the task's own inputs, drawn as in training without carry runs"
    source = "section 4"

    def fits(self, task: Task) -> bool:
        """Every task has inputs of its own."""
        return True

    def length_of(self, task: Task, size: int) -> int:
        """The size is the length."""
        return size

    def valid_size(self, task: Task, size: int) -> bool:
        """Asks the task."""
        return task.valid_length(size)

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Draws in batches, whose size decides what is drawn."""
        own = task.own_distribution()
        while True:
            yield from map(task.decode_input, own.sample(rng, size, _AT_ONCE).grid)


_AT_ONCE = 256

"""Suites of sequences of symbols."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from neuralgpu.evaluation.suites.suite import Suite
from neuralgpu.tasks import Task
from neuralgpu.tasks.sequences import Duplicate, Increment, Sequence


class Sequences(Suite):
    """A suite of sequences; its size is the length of the grid."""

    def fits(self, task: Task) -> bool:
        """Asks for a task on sequences."""
        return isinstance(task, Sequence)

    def length_of(self, task: Task, size: int) -> int:
        """The size is the length."""
        return size

    def valid_size(self, task: Task, size: int) -> bool:
        """Asks the task."""
        return task.valid_length(size)

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Draws symbols that fit on the grid beside what the task puts there."""
        assert isinstance(task, Sequence), "fits() said so"
        symbols = size // 2 if isinstance(task, Duplicate) else size - 1 if isinstance(task, Increment) else size
        return ("".join(map(str, drawn.tolist())) for drawn in self.drawn(task.base, symbols, rng))

    @abstractmethod
    def drawn(self, base: int, symbols: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Draws sequences of symbols below the base, in reading order."""


class AllEqual(Sequences):
    """One symbol throughout; of a number to be increased the largest digit is the hardest."""

    name = "all-equal"
    about = "one symbol throughout, such as 3333"
    source = "section 5, regular inputs"

    def drawn(self, base: int, symbols: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yields every symbol once."""
        return (np.full(symbols, symbol) for symbol in rng.permutation(base))


class Sorted(Sequences):
    """Rising symbols."""

    name = "sorted"
    about = "rising symbols, such as 0012233"
    source = "what a sorting net may leave alone"

    def drawn(self, base: int, symbols: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Draws and sorts."""
        while True:
            yield np.sort(rng.integers(base, size=symbols))


class Descending(Sequences):
    """Falling symbols."""

    name = "descending"
    about = "falling symbols, such as 3322100"
    source = "what a sorting net has most to do with"

    def drawn(self, base: int, symbols: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Draws and sorts the other way round."""
        while True:
            yield np.sort(rng.integers(base, size=symbols))[::-1]

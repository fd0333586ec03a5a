"""The contract of a task: inputs drawn at random, and the right answer to any input that a person types."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count as count_from
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.errors import UserError
from neuralgpu.tasks.layout import Layout, rows_of
from neuralgpu.tasks.numerals import digits_of, text_of
from neuralgpu.types import Batch

SYMBOL_LIMIT = 100_000
"""Longest input that a text may ask for."""


@dataclass(frozen=True)
class Task(ABC):
    """What a net is to learn: a distribution of inputs at every valid length, and the function from input to output.

    Symbols: 0 is padding, digit d is d + 1, least significant digit first. `sample` works on arrays of digits, `solve`
    on Python's own integers and texts, so that each is a check of the other.
    """

    base: int
    """Base of the numerals, or number of different symbols of a sequence, 2 to 10."""
    layout: Layout

    operation: ClassVar[str]
    """What is computed, in a word, such as 'addition'."""

    @property
    @abstractmethod
    def length_rule(self) -> str:
        """The valid lengths in words."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The one name of this task, such as 'badd'."""

    @property
    def rows(self) -> int:
        """Rows of the input grid that are used."""
        return rows_of(self.layout)

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Largest symbol + 1; the published programs have 33 symbols whatever the task."""

    @classmethod
    def members(cls) -> "Iterable[Task]":
        """Yields the tasks of this class that can be found by name; a class that is only built upon has none."""
        return ()

    def own_distribution(self) -> "Task":
        """Returns the task without what a setting of training has added to its inputs."""
        return self

    @abstractmethod
    def valid_length(self, length: int) -> bool:
        """Says whether the task has inputs of this nominal length."""

    def valid_lengths(self, low: int, high: int) -> list[int]:
        """Returns the valid lengths from low to high, both included."""
        return [length for length in range(low, high + 1) if self.valid_length(length)]

    def check_length(self, length: int) -> None:
        """Refuses lengths that the task has not.

        Raises:
            UserError: the length is not valid; the message names the nearest ones.
        """
        if self.valid_length(length):
            return
        below = next((str(near) for near in range(length - 1, 0, -1) if self.valid_length(near)), None)
        above = next(str(near) for near in count_from(max(length + 1, 1)) if self.valid_length(near))
        nearest = f"{below} or {above}" if below else above
        raise UserError(f"Length {length} is not valid for {self.name!r} ({self.length_rule}). Nearest: {nearest}.")

    def sample(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws examples: grids [count, length, rows] and targets [count, length], int32.

        Raises:
            UserError: the length is not valid, or the count is below 1.
        """
        self.check_length(length)
        if count < 1:
            raise UserError(f"Cannot draw {count} examples of {self.name!r}; ask for 1 or more.")
        return self.draw(rng, length, count)

    @abstractmethod
    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Does the work of `sample`, for a length and a count that were checked."""

    @abstractmethod
    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text on a grid that is exactly as long as the positions that a net may use.

        Raises:
            UserError: the text is no input of this task.
        """

    @abstractmethod
    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the input on a grid (with or without padding behind it) as people read it."""

    @abstractmethod
    def solve(self, text: str) -> str:
        """Returns the exact output for the input `text`, worked out on Python integers.

        Raises:
            UserError: the text is no input of this task.
        """

    def encode_output(self, text: str, length: int) -> Int[np.ndarray, " symbol"]:
        """Returns the symbols of an answer as `solve` gives it, to an input whose grid has this length."""
        return digits_of(text) + 1

    def decode(self, symbols: Int[np.ndarray, " length"]) -> str:
        """Writes a net's output as people read it, whatever it holds: "_" is padding inside, "?" no digit."""
        return text_of(np.asarray(symbols), self.base)

    def plain(self, answer: str) -> str:
        """Returns an answer as a person would write it: a number without leading zeros."""
        return answer.lstrip("0") or "0"

    def example(self, length: int) -> tuple[str, str]:
        """Returns one worked example, input and output, always the same one for a length.

        Raises:
            UserError: the length is not valid.
        """
        text = self.decode_input(self.own_distribution().sample(np.random.default_rng(length), length, 1).grid[0])
        return text, self.solve(text)

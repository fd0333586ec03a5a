"""Tasks on sequences of symbols: copy, reverse, duplicate, sort, shift; and a number plus one.

Sequences lie on the grid as people write them, first symbol first. Their symbols are uniform.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.tasks import numerals
from neuralgpu.tasks.arithmetic import BASES
from neuralgpu.tasks.reading import check_size, sequence
from neuralgpu.tasks.symbols import DUPLICATE, name_in_base
from neuralgpu.tasks.task import Task
from neuralgpu.types import Batch


@dataclass(frozen=True)
class Sequence(Task):
    """A function of a sequence of symbols; as long as the sequence if nothing else is said."""

    short_name: ClassVar[str]

    @property
    def length_rule(self) -> str:
        """The valid lengths in words."""
        return "lengths from 1"

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields the task for every number of different symbols."""
        if hasattr(cls, "short_name"):
            yield from (cls(base, "padded") for base in BASES)

    @property
    def name(self) -> str:
        """Prefix or number of the base, and the function."""
        return name_in_base(self.short_name, self.base)

    @property
    def vocabulary(self) -> int:
        """Digits only."""
        return self.base + 1

    def valid_length(self, length: int) -> bool:
        """Every length has sequences."""
        return length >= 1

    @abstractmethod
    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch output"]:
        """Computes the outputs of sequences of digits, for `draw`."""

    @abstractmethod
    def answer(self, text: str) -> str:
        """Computes the output for a text of digits, for `solve`."""

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws uniform sequences."""
        drawn = rng.integers(self.base, size=(count, length), dtype=np.int32)
        return Batch(drawn[..., None] + 1, self.transform(drawn) + 1)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text such as '0110' on a grid, first symbol first."""
        return _symbols(self._read(text))[:, None]

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the sequence as people read it."""
        return numerals.characters_of(np.asarray(grid)[:, 0], self.base)

    def solve(self, text: str) -> str:
        """Returns the output, worked out on the text."""
        return self.answer(self._read(text))

    def encode_output(self, text: str, length: int) -> Int[np.ndarray, " symbol"]:
        """Returns the symbols, first symbol first."""
        return _symbols(text)

    def decode(self, symbols: Int[np.ndarray, " length"]) -> str:
        """Writes a net's output as people read it: "_" is padding inside, "?" no digit."""
        return numerals.characters_of(np.asarray(symbols), self.base)

    def plain(self, answer: str) -> str:
        """Returns the answer: every symbol counts."""
        return answer

    def _read(self, text: str) -> str:
        found = sequence(text, self.base, self.name, "0110")
        check_size(len(found))
        return found


def _symbols(text: str) -> Int[np.ndarray, " length"]:
    return numerals.digits_of(text)[::-1] + 1


@dataclass(frozen=True)
class Copy(Sequence):
    """The sequence itself."""

    operation: ClassVar[str] = "copy"
    short_name: ClassVar[str] = "copy"

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch length"]:
        """Returns the sequences."""
        return drawn

    def answer(self, text: str) -> str:
        """Returns the text."""
        return text


@dataclass(frozen=True)
class Reverse(Sequence):
    """The sequence from its last symbol to its first."""

    operation: ClassVar[str] = "reverse"
    short_name: ClassVar[str] = "reverse"

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch length"]:
        """Reverses along the length."""
        return np.flip(drawn, axis=1)

    def answer(self, text: str) -> str:
        """Reverses the text."""
        return "".join(reversed(text))


@dataclass(frozen=True)
class Sort(Sequence):
    """The symbols in rising order."""

    operation: ClassVar[str] = "sort"
    short_name: ClassVar[str] = "sort"

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch length"]:
        """Sorts along the length."""
        return np.sort(drawn, axis=1)

    def answer(self, text: str) -> str:
        """Writes each symbol as often as it occurs."""
        return "".join(symbol * text.count(symbol) for symbol in "0123456789")


@dataclass(frozen=True)
class Shift(Sequence):
    """The sequence one place further on: a 0 comes in front, the last symbol is lost."""

    operation: ClassVar[str] = "shift"
    short_name: ClassVar[str] = "shift"

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch length"]:
        """Moves along the length."""
        return np.pad(drawn, ((0, 0), (1, 0)))[:, :-1]

    def answer(self, text: str) -> str:
        """Writes a 0 in front."""
        return f"0{text}"[:-1]


@dataclass(frozen=True)
class Duplicate(Sequence):
    """A marker and a sequence of m symbols in, the sequence twice out."""

    operation: ClassVar[str] = "duplicate"
    short_name: ClassVar[str] = "dup"

    @property
    def length_rule(self) -> str:
        """The valid lengths in words."""
        return "even lengths from 2"

    @property
    def vocabulary(self) -> int:
        """The marker is the largest symbol."""
        return DUPLICATE + 1

    def valid_length(self, length: int) -> bool:
        """The output takes 2 m symbols."""
        return length >= 2 and length % 2 == 0

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws sequences of half the length and marks them."""
        drawn = rng.integers(self.base, size=(count, length // 2), dtype=np.int32)
        grid = np.zeros((count, length, 1), np.int32)
        grid[:, 0, 0] = DUPLICATE
        grid[:, 1 : length // 2 + 1, 0] = drawn + 1
        return Batch(grid, self.transform(drawn) + 1)

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch output"]:
        """Puts the sequences behind themselves."""
        return np.tile(drawn, 2)

    def answer(self, text: str) -> str:
        """Writes the text twice."""
        return text + text

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts the marker and the sequence on a grid that has room for the output."""
        symbols = _symbols(self._read(text))
        grid = np.zeros((2 * len(symbols), 1), np.int32)
        grid[0] = DUPLICATE
        grid[1 : len(symbols) + 1, 0] = symbols
        return grid

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the sequence without its marker."""
        return super().decode_input(np.asarray(grid)[1:])


@dataclass(frozen=True)
class Increment(Sequence):
    """A number plus one, least significant digit first; the grid has room for one digit more than the number."""

    operation: ClassVar[str] = "increment"
    short_name: ClassVar[str] = "incr"

    @property
    def length_rule(self) -> str:
        """The valid lengths in words."""
        return "lengths from 2"

    def valid_length(self, length: int) -> bool:
        """The number has length - 1 digits."""
        return length >= 2

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws numbers one digit shorter than the grid."""
        drawn = np.zeros((count, length), np.int32)
        drawn[:, :-1] = rng.integers(self.base, size=(count, length - 1), dtype=np.int32)
        grid = drawn + 1
        grid[:, -1] = 0
        return Batch(grid[..., None], self.transform(drawn) + 1)

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch length"]:
        """Adds one in the lowest column."""
        columns = drawn.copy()
        columns[:, 0] += 1
        return numerals.resolve_carries(columns, self.base)

    def answer(self, text: str) -> str:
        """Adds one to the integer."""
        return numerals.to_text(numerals.to_int(text, self.base) + 1, self.base).zfill(len(text) + 1)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts the number on a grid, least significant digit first, with a place free behind it."""
        return np.append(numerals.digits_of(self._read(text)) + 1, 0).astype(np.int32)[:, None]

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the number most significant digit first."""
        return super().decode_input(grid)[::-1]

    def encode_output(self, text: str, length: int) -> Int[np.ndarray, " symbol"]:
        """Returns the digits, least significant first."""
        return numerals.digits_of(text) + 1

    def decode(self, symbols: Int[np.ndarray, " length"]) -> str:
        """Writes a net's output most significant digit first."""
        return super().decode(symbols)[::-1]

    def plain(self, answer: str) -> str:
        """Returns the number without leading zeros."""
        return answer.lstrip("0") or "0"

"""Tasks whose input lies anywhere in a field of spaces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.errors import UserError
from neuralgpu.tasks.addition import Addition
from neuralgpu.tasks.arithmetic import Division, Multiplication, Subtraction
from neuralgpu.tasks.sequences import Copy, Duplicate
from neuralgpu.tasks.symbols import SPACE
from neuralgpu.tasks.task import Task
from neuralgpu.types import Batch

FIELD_ROWS = 4
_PLACE = re.compile(r"\s*@\s*(\d{1,6})\s*,\s*(\d{1,6})\s+of\s+(\d{1,6})\s*$")


@dataclass(frozen=True)
class Spaced(Task):
    """Another task's input, placed evenly in a field of 4 rows full of spaces; the output is padded with spaces.

    At length l the inner length is drawn evenly from the other task's valid lengths below l. Where the input was put
    stands behind it: '101+11 @ 0,3 of 12' begins in row 0 and column 3 of a field of length 12. Without that it is put
    into the corner of a field that is one longer than it.
    """

    inner: Task

    operation: ClassVar[str] = "spaced"

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields the spaced forms of padded and aligned arithmetic, copy and duplicate."""
        for kind in (Addition, Subtraction, Multiplication, Division, Copy, Duplicate):
            for inner in kind.members():
                if inner.layout != "unpadded":
                    yield cls(inner.base, "spaced", inner)

    @property
    def name(self) -> str:
        """An 's' before the other task's name."""
        return f"s{self.inner.name}"

    @property
    def rows(self) -> int:
        """All rows of the field."""
        return FIELD_ROWS

    @property
    def vocabulary(self) -> int:
        """The space comes behind most operators."""
        return max(self.inner.vocabulary, SPACE + 1)

    @property
    def length_rule(self) -> str:
        """One more than the other task's shortest input."""
        return f"lengths from {self._shortest + 1}"

    @property
    def _shortest(self) -> int:
        return next(length for length in range(1, 100) if self.inner.valid_length(length))

    def valid_length(self, length: int) -> bool:
        """A shorter valid input must exist."""
        return length > self._shortest

    def own_distribution(self) -> Task:
        """Returns the task with the other task's own distribution."""
        return replace(self, inner=self.inner.own_distribution())

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws inner lengths, inputs of these lengths and their places."""
        lengths = rng.choice(self.inner.valid_lengths(1, length - 1), size=count)
        grid = np.full((count, length, FIELD_ROWS), SPACE, np.int32)
        target = np.full((count, length), SPACE, np.int32)
        for inner_length in np.unique(lengths):
            chosen = np.flatnonzero(lengths == inner_length)
            batch = self.inner.draw(rng, int(inner_length), len(chosen))
            rows = rng.integers(FIELD_ROWS - self.inner.rows, size=len(chosen), endpoint=True)
            columns = rng.integers(length - inner_length, size=len(chosen), endpoint=True)
            for index, inner, row, column in zip(chosen, batch.grid, rows, columns, strict=True):
                _put(grid[index], inner, row, column)
            target[chosen, :inner_length] = np.where(batch.target == 0, SPACE, batch.target)
        return Batch(grid, target)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text such as '101+11 @ 0,3 of 12' into its field."""
        inner, row, column, length = self._read(text)
        grid = np.full((length, FIELD_ROWS), SPACE, np.int32)
        _put(grid, inner, row, column)
        return grid

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the input without spaces, and where it lies."""
        field = np.asarray(grid)
        field = field[: np.count_nonzero(field[:, 0])]
        used = field != SPACE
        column, row = int(np.argmax(used.any(axis=1))), int(np.argmax(used.any(axis=0)))
        last_column, last_row = len(field) - np.argmax(used.any(axis=1)[::-1]), row + self.inner.rows
        inner = field[column:last_column, row:last_row]
        text = self.inner.decode_input(np.where(inner == SPACE, 0, inner))
        return f"{text} @ {row},{column} of {len(field)}"

    def solve(self, text: str) -> str:
        """Returns the other task's output; its place does not matter."""
        self._read(text)
        return self.inner.solve(_PLACE.sub("", text))

    def encode_output(self, text: str, length: int) -> Int[np.ndarray, " symbol"]:
        """Returns the symbols of the other task's answer, with spaces behind them to the length of the field."""
        symbols = self.inner.encode_output(text, length)
        return np.pad(symbols, (0, length - len(symbols)), constant_values=SPACE)

    def decode(self, symbols: Int[np.ndarray, " length"]) -> str:
        """Writes a net's output without the spaces behind it."""
        written = np.asarray(symbols)
        beyond = np.flatnonzero((written != SPACE) & (written != 0))
        return self.inner.decode(written[: beyond[-1] + 1 if beyond.size else 0])

    def plain(self, answer: str) -> str:
        """Returns the answer as the other task's."""
        return self.inner.plain(answer)

    def _read(self, text: str) -> tuple[Int[np.ndarray, "length rows"], int, int, int]:
        found = _PLACE.search(text)
        if found is None and "@" in text:
            raise UserError(
                f"{self.name!r} reads a place as '@ ROW,COLUMN of LENGTH', got {text[text.index('@') :]!r}."
            )
        inner = self.inner.encode(_PLACE.sub("", text))
        row, column, length = map(int, found.groups()) if found else (0, 0, len(inner) + 1)
        if row + self.inner.rows > FIELD_ROWS or column + len(inner) > length:
            raise UserError(
                f"The input of {self.name!r} takes {self.inner.rows} rows and {len(inner)} columns; from "
                f"{row},{column} it does not fit into {FIELD_ROWS} rows and {length} columns. "
                "Choose another place or a longer field."
            )
        return inner, row, column, length


def _put(
    field: Int[np.ndarray, "length rows"],
    inner: Int[np.ndarray, "inner_length inner_rows"],
    row: int | np.integer,
    column: int | np.integer,
) -> None:
    field[column : column + len(inner), row : row + inner.shape[1]] = np.where(inner == 0, SPACE, inner)

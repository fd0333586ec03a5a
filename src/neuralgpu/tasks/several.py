"""Sums and products of three numbers, and of a number of numbers that is drawn too."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Int

from neuralgpu.tasks import numerals
from neuralgpu.tasks.arithmetic import BASES
from neuralgpu.tasks.reading import check_size, numbers_between
from neuralgpu.tasks.symbols import OPERATORS, name_in_base
from neuralgpu.tasks.task import Task
from neuralgpu.types import Batch

Operands = Literal["3", "k"]
"""'3': three in every input; 'k': from one to half the input's length, drawn evenly for each input."""


@dataclass(frozen=True)
class Several(Task):
    """One operation on m numbers of d digits each, written behind each other: m (d + 1) - 1 symbols in and out."""

    operands: Operands

    short_name: ClassVar[str]
    sign: ClassVar[str]
    zeros_share: ClassVar[float] = 1.0
    """Share of the inputs with drawn numbers of operands in which an operand may be zero."""

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields three and k operands in every base."""
        if hasattr(cls, "sign"):
            yield from (cls(base, "padded", operands) for operands in ("3", "k") for base in BASES)

    @property
    def name(self) -> str:
        """The number of operands, and the name of the operation on two."""
        return self.operands + name_in_base(self.short_name, self.base)

    @property
    def length_rule(self) -> str:
        """Three numbers of d digits take 3 d + 2 symbols."""
        return "5, 8, 11, ..." if self.operands == "3" else "lengths from 1"

    @property
    def vocabulary(self) -> int:
        """Operators come behind the digits."""
        return OPERATORS[self.sign][self.base] + 1

    def valid_length(self, length: int) -> bool:
        """Any length for k operands, whose inputs may be shorter than it."""
        return length >= 5 and length % 3 == 2 if self.operands == "3" else length >= 1

    @abstractmethod
    def result_digits(
        self, numbers: Int[np.ndarray, "operand batch digit"], width: int
    ) -> Int[np.ndarray, "batch width"]:
        """Computes the results digit by digit, for `draw`."""

    @abstractmethod
    def result(self, first: int, second: int) -> int:
        """Computes the result for two Python integers, for `solve`."""

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws the number of operands of each input, then the operands."""
        counts = np.full(count, 3)
        if self.operands == "k":
            counts = rng.integers(1, (length + 1) // 2, size=count, endpoint=True)
        grid, target = np.zeros((count, length, 1), np.int32), np.zeros((count, length), np.int32)
        for number in np.unique(counts):
            chosen = np.flatnonzero(counts == number)
            digits = (length + 1) // int(number) - 1
            drawn = self._drawn(rng, int(number), digits, len(chosen))
            width = int(number) * (digits + 1) - 1
            written = np.full((len(chosen), int(number), digits + 1), OPERATORS[self.sign][self.base], np.int32)
            written[:, :, :digits] = drawn.swapaxes(0, 1) + 1
            grid[chosen, :width, 0] = written.reshape(len(chosen), -1)[:, :width]
            target[chosen, :width] = self.result_digits(drawn, width) + 1
        return Batch(grid, target)

    def _drawn(
        self, rng: np.random.Generator, number: int, digits: int, count: int
    ) -> Int[np.ndarray, "operand batch digit"]:
        drawn = rng.integers(self.base, size=(number, count, digits), dtype=np.int32)
        if self.operands == "3" or self.zeros_share == 1:
            return drawn
        positive = numerals.drawn_positive(rng, drawn.reshape(-1, digits), self.base).reshape(drawn.shape)
        return np.where((rng.random(count) < self.zeros_share)[:, None], drawn, positive)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text such as '101+11+0' on a grid; all numbers get the length of the longest."""
        numbers = self._read(text)
        digits = max(map(len, numbers))
        written = np.full((len(numbers), digits + 1), OPERATORS[self.sign][self.base], np.int32)
        for row, number in zip(written, numbers, strict=True):
            row[:digits] = numerals.digits_of(number.zfill(digits)) + 1
        return written.reshape(-1)[:-1, None]

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the numbers with the operation's sign between them."""
        symbols = np.asarray(grid)[:, 0]
        symbols = symbols[: np.count_nonzero(symbols)]
        places = np.flatnonzero(symbols == OPERATORS[self.sign][self.base])
        return self.sign.join(self.decode(part[part <= self.base]) for part in np.split(symbols, places))

    def solve(self, text: str) -> str:
        """Returns as many digits as the grid has columns."""
        numbers = self._read(text)
        value = reduce(self.result, (numerals.to_int(number, self.base) for number in numbers))
        return numerals.to_text(value, self.base).zfill(self._grid_length(numbers))

    def _grid_length(self, numbers: list[str]) -> int:
        return len(numbers) * (max(map(len, numbers)) + 1) - 1

    def _read(self, text: str) -> list[str]:
        count = 3 if self.operands == "3" else None
        numbers, _ = numbers_between(text, self.sign, self.base, self.name, f"101{self.sign}11{self.sign}1", count)
        check_size(self._grid_length(numbers))
        return numbers


@dataclass(frozen=True)
class Sum(Several):
    """The sum of three or k numbers."""

    operation: ClassVar[str] = "sum"
    short_name: ClassVar[str] = "add"
    sign: ClassVar[str] = "+"

    def result_digits(
        self, numbers: Int[np.ndarray, "operand batch digit"], width: int
    ) -> Int[np.ndarray, "batch width"]:
        """Adds all columns at once."""
        columns = np.zeros((numbers.shape[1], width), np.int32)
        columns[:, : numbers.shape[2]] = numbers.sum(axis=0)
        return numerals.resolve_carries(columns, self.base)

    def result(self, first: int, second: int) -> int:
        """Adds."""
        return first + second


@dataclass(frozen=True)
class Product(Several):
    """The product of three or k numbers; in 70% of the inputs with k numbers none of them is zero."""

    operation: ClassVar[str] = "product"
    short_name: ClassVar[str] = "mul"
    sign: ClassVar[str] = "*"
    zeros_share: ClassVar[float] = 0.3

    def result_digits(
        self, numbers: Int[np.ndarray, "operand batch digit"], width: int
    ) -> Int[np.ndarray, "batch width"]:
        """Multiplies neighbours in pairs until one number is left."""
        count = numbers.shape[1]
        while len(numbers) > 1:
            if len(numbers) % 2:
                one = np.zeros_like(numbers[:1])
                one[..., 0] = 1
                numbers = np.concatenate([numbers, one])
            digits = numbers.shape[2]
            pairs = numbers.reshape(-1, 2, count, digits).swapaxes(0, 1).reshape(2, -1, digits)
            products = numerals.multiply(pairs[0], pairs[1], self.base, 2 * digits)
            numbers = products.reshape(-1, count, 2 * digits)
        product = numbers[0, :, :width]
        return np.pad(product, ((0, 0), (0, width - product.shape[1])))

    def result(self, first: int, second: int) -> int:
        """Multiplies."""
        return first * second

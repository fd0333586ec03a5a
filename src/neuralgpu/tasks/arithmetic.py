"""Subtraction, multiplication and division of two numbers, in any base and layout; `addition.py` has the fourth.

Operands are uniform in [0, base**k) at input length 2k + 1 (the published generators).
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.errors import UserError
from neuralgpu.tasks import numerals
from neuralgpu.tasks.layout import LAYOUT_SUFFIX, columns_of, place, read_operands
from neuralgpu.tasks.reading import check_size, numbers_between
from neuralgpu.tasks.symbols import OPERATORS, name_in_base
from neuralgpu.tasks.task import Task
from neuralgpu.types import Batch

BASES = range(2, 11)


@dataclass(frozen=True)
class Arithmetic(Task):
    """One operation on two numbers."""

    short_name: ClassVar[str]
    """The operation in task names."""
    sign: ClassVar[str]

    @property
    def length_rule(self) -> str:
        """The valid lengths in words."""
        return "odd lengths from 3"

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields the operation in every base and layout."""
        if hasattr(cls, "sign"):
            yield from (cls(base, layout) for base in BASES for layout in LAYOUT_SUFFIX)

    @property
    def name(self) -> str:
        """Prefix or number of the base, operation, suffix of the layout."""
        return name_in_base(self.short_name, self.base) + LAYOUT_SUFFIX[self.layout]

    @property
    def operator(self) -> int:
        """Symbol of the operator."""
        return OPERATORS[self.sign][self.base]

    @property
    def vocabulary(self) -> int:
        """Operators come behind the digits."""
        return self.operator + 1

    def valid_length(self, length: int) -> bool:
        """Two operands of k digits and the operator take 2k + 1 symbols."""
        return length >= 3 and length % 2 == 1

    @abstractmethod
    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch result"]:
        """Computes the results digit by digit, in at most `width` columns, for `draw`."""

    @abstractmethod
    def result(self, first: int, second: int) -> int:
        """Computes the result on Python integers, for `solve`."""

    def draw_operands(
        self, rng: np.random.Generator, digits: int, count: int
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Draws both operands, uniform in [0, base**digits)."""
        first, second = rng.integers(self.base, size=(2, count, digits), dtype=np.int32)
        return first, second

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws operands, lays them out and computes the targets."""
        first, second = self.draw_operands(rng, (length - 1) // 2, count)
        result = self.result_digits(first, second, length)
        target = np.pad(result, ((0, 0), (0, length - result.shape[1])))
        grid = place(self._symbols(first), self._symbols(second), self.operator, self.layout)
        return Batch(grid, self._symbols(target))

    def _symbols(self, digits: Int[np.ndarray, "batch digit"]) -> Int[np.ndarray, "batch digit"]:
        if self.layout != "unpadded":
            return digits + 1
        written = np.arange(digits.shape[1]) < numerals.natural_length(digits)[:, None]
        return np.where(written, digits + 1, 0)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text such as '101+11' on a grid; padded and aligned operands get the length of the longer one."""
        operands = self._read(text)
        digits = max(map(len, operands))
        symbols = np.zeros((2, 1, digits), np.int32)
        for row, operand in zip(symbols, operands, strict=True):
            width = len(operand) if self.layout == "unpadded" else digits
            row[0, :width] = numerals.digits_of(operand.zfill(width)) + 1
        return place(symbols[0], symbols[1], self.operator, self.layout)[0, : self._grid_length(operands)]

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the input on a grid as people read it, such as '00101+00011'.

        Raises:
            ValueError: the grid does not hold this task's operator.
        """
        first, second = read_operands(np.asarray(grid), self.operator, self.layout)
        return f"{self.decode(first)}{self.sign}{self.decode(second)}"

    def solve(self, text: str) -> str:
        """Returns the output: as many digits as the grid has columns, or the natural number of them if unpadded."""
        operands = self._read(text)
        first, second = (numerals.to_int(operand, self.base) for operand in operands)
        answer = numerals.to_text(self.result(first, second), self.base)
        return answer if self.layout == "unpadded" else answer.zfill(self._grid_length(operands))

    def check_operands(self, first: str, second: str) -> None:
        """Refuses numbers that the operation is not defined for.

        Raises:
            UserError: it is not.
        """

    def _grid_length(self, operands: tuple[str, str]) -> int:
        return columns_of(self.layout, len(operands[0]), len(operands[1]))

    def _read(self, text: str) -> tuple[str, str]:
        """Returns the digits of both operands as typed."""
        (first, second), _ = numbers_between(text, self.sign, self.base, self.name, f"101{self.sign}11", 2)
        check_size(self._grid_length((first, second)))
        self.check_operands(first, second)
        return first, second


@dataclass(frozen=True)
class Subtraction(Arithmetic):
    """The smaller of two numbers taken from the larger."""

    operation: ClassVar[str] = "subtraction"
    short_name: ClassVar[str] = "sub"
    sign: ClassVar[str] = "-"

    def draw_operands(
        self, rng: np.random.Generator, digits: int, count: int
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Draws two uniform numbers and puts the larger one first."""
        first, second = super().draw_operands(rng, digits, count)
        in_order = numerals.at_least(first, second)[:, None]
        return np.where(in_order, first, second), np.where(in_order, second, first)

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch result"]:
        """Subtracts digit by digit."""
        return numerals.subtract(first, second, self.base)

    def result(self, first: int, second: int) -> int:
        """Subtracts."""
        return first - second

    def check_operands(self, first: str, second: str) -> None:
        """Refuses differences below zero."""
        if numerals.to_int(first, self.base) < numerals.to_int(second, self.base):
            raise UserError(f"{self.name!r} has no numbers below zero: put the larger number before the '-'.")


@dataclass(frozen=True)
class Multiplication(Arithmetic):
    """The product of two numbers."""

    operation: ClassVar[str] = "multiplication"
    short_name: ClassVar[str] = "mul"
    sign: ClassVar[str] = "*"

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch result"]:
        """Multiplies digit by digit."""
        return numerals.multiply(first, second, self.base, width)

    def result(self, first: int, second: int) -> int:
        """Multiplies."""
        return first * second


@dataclass(frozen=True)
class Division(Arithmetic):
    """The whole part of one number divided by another."""

    operation: ClassVar[str] = "division"
    short_name: ClassVar[str] = "div"
    sign: ClassVar[str] = "/"

    def draw_operands(
        self, rng: np.random.Generator, digits: int, count: int
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Draws the first number from [0, base**digits), the second from [1, base**digits)."""
        first, second = super().draw_operands(rng, digits, count)
        return first, numerals.drawn_positive(rng, second, self.base)

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch result"]:
        """Divides digit by digit."""
        return numerals.divide(first, second, self.base)

    def result(self, first: int, second: int) -> int:
        """Divides, rounding down."""
        return first // second

    def check_operands(self, first: str, second: str) -> None:
        """Refuses the divisor zero."""
        if not second.strip("0"):
            raise UserError(f"{self.name!r} cannot divide by zero: put a number above zero behind the '/'.")

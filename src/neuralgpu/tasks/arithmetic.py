"""Addition and multiplication of two numbers, in any base and layout.

Operands are uniform in [0, base**k) at input length 2k + 1 (the published generators).
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.errors import UserError
from neuralgpu.tasks import numerals
from neuralgpu.tasks.layout import LAYOUT_SUFFIX, columns_of, place, read_operands
from neuralgpu.tasks.task import SYMBOL_LIMIT, Task
from neuralgpu.types import Batch

BASE_PREFIX = {2: "b", 4: "q", 5: "f", 8: "o", 10: ""}
"""Published prefixes of task names; the other bases go behind the operation ('add3')."""

OTHER_SIGNS = "+-*/\N{DIVISION SIGN}"
"""Operators that a typed text may hold by mistake."""


@dataclass(frozen=True)
class Arithmetic(Task):
    """One operation on two numbers.

    Published operators have their published symbols. Every other base and operation has a symbol of its own from
    26 on (26 to 35), where nothing published lies.
    """

    short_name: ClassVar[str]
    """The operation in task names."""
    sign: ClassVar[str]
    verb: ClassVar[str]
    operators: ClassVar[Mapping[int, int]]
    """Symbol of the operator for each base."""

    length_rule: ClassVar[str] = "odd lengths from 3"

    @property
    def name(self) -> str:
        """Prefix or number of the base, operation, suffix of the layout."""
        prefix = BASE_PREFIX.get(self.base)
        operation = f"{self.short_name}{self.base}" if prefix is None else f"{prefix}{self.short_name}"
        return operation + LAYOUT_SUFFIX[self.layout]

    @property
    def operator(self) -> int:
        """Symbol of the operator."""
        return self.operators[self.base]

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
    ) -> Int[np.ndarray, "batch width"]:
        """Computes the results digit by digit, for `draw`."""

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
        target = self.result_digits(first, second, length)
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

    def _grid_length(self, operands: tuple[str, str]) -> int:
        return columns_of(self.layout, len(operands[0]), len(operands[1]))

    def _read(self, text: str) -> tuple[str, str]:
        """Returns the digits of both operands as typed; positions in messages count from 1."""
        form = f"{self.name!r} reads inputs like '101{self.sign}11'"
        if not text.strip():
            raise UserError(f"{form}, got an empty text.")
        text = text.replace("\N{MULTIPLICATION SIGN}", "*")
        before, _, after = text.partition(self.sign)
        starts = (len(before) - len(before.lstrip()), len(before) + 1 + len(after) - len(after.lstrip()))
        before, after = before.strip(), after.strip()
        for operand, start in zip((before, after), starts, strict=True):
            self._check_digits(operand, start + 1, form)
        if self.sign not in text:
            raise UserError(f"{form}, got no '{self.sign}'.")
        if not before or not after:
            side = "after" if before else "before"
            raise UserError(f"{form}, got no number {side} the '{self.sign}'.")
        length = self._grid_length((before, after))
        if length > SYMBOL_LIMIT:
            raise UserError(f"This input takes {length} symbols; {SYMBOL_LIMIT} are allowed. Use shorter numbers.")
        return before, after

    def _check_digits(self, operand: str, start: int, form: str) -> None:
        digits = "0123456789"[: self.base]
        for position, character in enumerate(operand, start):
            if character in digits:
                continue
            if character == self.sign:
                raise UserError(f"{form}, got a second '{self.sign}' at character {position}.")
            if character in OTHER_SIGNS:
                raise UserError(f"{self.name!r} {self.verb} with '{self.sign}', got '{character}'.")
            allowed = " ".join(digits)
            raise UserError(
                f"{form}: character {position}, {character!r}, is no digit of base {self.base} ({allowed})."
            )


@dataclass(frozen=True)
class Addition(Arithmetic):
    """The sum of two numbers."""

    carry_share: float = 0.0
    """Share of the drawn sums (0 to 1) that hold a carry run.

    A run has length r uniform in 1..k and is placed uniformly; its pairs of digits add to base - 1, so that it passes
    a carry on. In 80% of the runs a carry starts in the lowest column of the run (its pair adds to base or more, all
    such pairs alike); in 20% none starts there. The digits outside of the run stay uniform.
    """

    operation: ClassVar[str] = "addition"
    short_name: ClassVar[str] = "add"
    sign: ClassVar[str] = "+"
    verb: ClassVar[str] = "adds"
    operators: ClassVar[Mapping[int, int]] = {2: 11, 4: 12, 10: 13, 3: 26, 5: 27, 6: 28, 7: 29, 8: 30, 9: 31}

    def __post_init__(self) -> None:
        """Refuses shares outside of 0 to 1."""
        if not 0 <= self.carry_share <= 1:
            raise UserError(f"A carry share of {self.carry_share} is not possible; give a number from 0 to 1.")

    def uniform(self) -> "Addition":
        """Returns the task without carry runs."""
        return replace(self, carry_share=0.0)

    def draw_operands(
        self, rng: np.random.Generator, digits: int, count: int
    ) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
        """Draws uniform operands and writes carry runs into some of them."""
        first, second = super().draw_operands(rng, digits, count)
        if self.carry_share == 0:
            return first, second
        has_run = rng.random(count) < self.carry_share
        length = rng.integers(1, digits + 1, size=count)
        lowest = rng.integers(0, digits - length + 1)
        distance = np.arange(digits) - lowest[:, None]
        in_run = has_run[:, None] & (distance >= 0) & (distance < length[:, None])
        second = np.where(in_run, self.base - 1 - first, second)

        starting = np.flatnonzero(has_run & (rng.random(count) < 0.8))
        pairs = np.argwhere(np.add.outer(np.arange(self.base), np.arange(self.base)) >= self.base)
        chosen = pairs[rng.integers(len(pairs), size=len(starting))]
        first[starting, lowest[starting]] = chosen[:, 0]
        second[starting, lowest[starting]] = chosen[:, 1]
        return first, second

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch width"]:
        """Adds digit by digit."""
        return numerals.add(first, second, self.base, width)

    def result(self, first: int, second: int) -> int:
        """Adds."""
        return first + second


@dataclass(frozen=True)
class Multiplication(Arithmetic):
    """The product of two numbers."""

    operation: ClassVar[str] = "multiplication"
    short_name: ClassVar[str] = "mul"
    sign: ClassVar[str] = "*"
    verb: ClassVar[str] = "multiplies"
    operators: ClassVar[Mapping[int, int]] = {2: 14, 4: 15, 10: 16, 8: 17, 5: 18, 3: 32, 6: 33, 7: 34, 9: 35}

    def result_digits(
        self, first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], width: int
    ) -> Int[np.ndarray, "batch width"]:
        """Multiplies digit by digit."""
        return numerals.multiply(first, second, self.base, width)

    def result(self, first: int, second: int) -> int:
        """Multiplies."""
        return first * second

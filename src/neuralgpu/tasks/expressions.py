"""Expressions of many numbers with several operators (paper, figure 5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int, UInt8

from neuralgpu.errors import UserError
from neuralgpu.tasks import numerals
from neuralgpu.tasks.reading import check_size, numbers_between
from neuralgpu.tasks.symbols import OPERATORS, name_in_base
from neuralgpu.tasks.task import Task
from neuralgpu.types import Batch

OPERATOR_CHANCE = 0.3
_LETTERS = {"+": "a", "-": "s", "*": "m", "/": "d"}
_SIGNS = ("+", "+-", "+*", "+*-", "+*/-")


@dataclass(frozen=True)
class Expression(Task):
    """A random expression, worked out with the usual precedence and division that rounds down.

    Each character is an operator with chance 0.3, never the first, the last or next to one, and else a digit;
    operators and digits are uniform. Whole expressions are drawn again until nothing is divided by zero and the value
    is not negative, so that the inputs have the distribution of the free ones under these two conditions. The target
    is as long as the input.
    """

    signs: str
    """The operators, a character each."""

    operation: ClassVar[str] = "expression"

    @property
    def length_rule(self) -> str:
        """The valid lengths in words."""
        return "lengths from 1"

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields the five published sets of operators in bases 2, 4 and 10."""
        yield from (cls(base, "padded", signs) for signs in _SIGNS for base in (2, 4, 10))

    @property
    def name(self) -> str:
        """'expr' in the base, and a letter for each operator: a(dd), s(ubtract), m(ultiply), d(ivide)."""
        return name_in_base("expr", self.base) + "".join(_LETTERS[sign] for sign in "+-*/" if sign in self.signs)

    @property
    def vocabulary(self) -> int:
        """Operators come behind the digits."""
        return max(OPERATORS[sign][self.base] for sign in self.signs) + 1

    def valid_length(self, length: int) -> bool:
        """A single digit is an expression too."""
        return length >= 1

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Batch:
        """Draws whole expressions until enough are accepted, in the order in which they were drawn."""
        texts, values = list[str](), list[int]()
        while len(texts) < count:
            characters = self._free(rng, length, max(64, 2 * count))
            for row in characters[~self._divides_by_zero(characters)]:
                text = row.tobytes().decode("ascii")
                value = self._value(text)
                if value >= 0:
                    texts.append(text)
                    values.append(value)
        grid, target = np.zeros((count, length, 1), np.int32), np.zeros((count, length), np.int32)
        for index, (text, value) in enumerate(zip(texts[:count], values[:count], strict=True)):
            grid[index, :, 0] = self._symbols(text)
            target[index] = numerals.digits_of(numerals.to_text(value, self.base).zfill(length)) + 1
        return Batch(grid, target)

    def _free(self, rng: np.random.Generator, length: int, count: int) -> UInt8[np.ndarray, "batch length"]:
        """Draws expressions without conditions, as ASCII codes in reading order."""
        is_operator = rng.random((count, length)) < OPERATOR_CHANCE
        is_operator[:, [0, -1]] = False
        for column in range(1, length):
            is_operator[:, column] &= ~is_operator[:, column - 1]
        operators = np.frombuffer(self.signs.encode("ascii"), np.uint8)
        digits = rng.integers(self.base, size=(count, length), dtype=np.uint8) + np.uint8(ord("0"))
        return np.where(is_operator, operators[rng.integers(len(operators), size=(count, length))], digits)

    def _divides_by_zero(self, characters: UInt8[np.ndarray, "batch length"]) -> Bool[np.ndarray, " batch"]:
        """Says which expressions hold a '/' with nothing but zeros up to the next operator or the end."""
        count, length = characters.shape
        all_zero = np.ones(count, bool)
        found = np.zeros(count, bool)
        for column in reversed(range(length)):
            character = characters[:, column]
            is_operator = character < ord("0")
            found |= (character == ord("/")) & all_zero
            all_zero = np.where(is_operator, True, all_zero & (character == ord("0")))
        return found

    def _value(self, text: str) -> int:
        """Works a valid expression out in one pass over its numbers: a finished sum, and the term that still grows."""
        total, sign, term, start = 0, 1, 1, 0
        before = "*"
        for place, character in enumerate(text + "+"):
            if character not in OPERATORS:
                continue
            number = numerals.to_int(text[start:place], self.base)
            start = place + 1
            if before == "*":
                term *= number
            elif before == "/":
                term //= number
            else:
                total += sign * term
                sign, term = (1 if before == "+" else -1), number
            before = character
        return total + sign * term

    def _symbols(self, text: str) -> Int[np.ndarray, " length"]:
        """Returns the symbols of an expression, each number with its least significant digit first."""
        symbols, start = list[int](), 0
        for place, character in enumerate(f"{text}+"):
            if character in OPERATORS:
                symbols += [int(digit) + 1 for digit in reversed(text[start:place])]
                symbols.append(OPERATORS[character][self.base])
                start = place + 1
        return np.array(symbols[:-1], np.int32)

    def encode(self, text: str) -> Int[np.ndarray, "length rows"]:
        """Puts a text such as '1101-0*11+100/11' on a grid of the same length."""
        numbers, signs = self._read(text)
        return self._symbols("".join(_interleaved(numbers, signs)))[:, None]

    def decode_input(self, grid: Int[np.ndarray, "length rows"]) -> str:
        """Writes the expression as people read it."""
        signs = {OPERATORS[sign][self.base]: sign for sign in self.signs}
        parts, number = list[str](), ""
        for symbol in np.asarray(grid)[:, 0].tolist():
            if symbol in signs:
                parts += [number, signs[symbol]]
                number = ""
            elif symbol:
                number = f"{symbol - 1}{number}"
        return "".join([*parts, number])

    def solve(self, text: str) -> str:
        """Returns as many digits as the input has characters."""
        numbers, signs = self._read(text)
        value = self._evaluated([numerals.to_int(number, self.base) for number in numbers], signs)
        if value < 0:
            raise UserError(f"{self.name!r} has no numbers below zero, this expression is {value}. Subtract less.")
        return numerals.to_text(value, self.base).zfill(sum(map(len, numbers)) + len(signs))

    @staticmethod
    def _evaluated(numbers: Sequence[int], signs: Sequence[str]) -> int:
        """Splits into terms at '+' and '-', and works the terms out from left to right."""
        starts = [0, *(place + 1 for place, sign in enumerate(signs) if sign in "+-"), len(numbers)]
        total = 0
        for start, end in pairwise(starts):
            term = numbers[start]
            for number, sign in zip(numbers[start + 1 : end], signs[start : end - 1], strict=True):
                term = term * number if sign == "*" else term // number
            total += -term if start and signs[start - 1] == "-" else term
        return total

    def _read(self, text: str) -> tuple[list[str], list[str]]:
        numbers, signs = numbers_between(text, self.signs, self.base, self.name, self._example())
        check_size(sum(map(len, numbers)) + len(signs))
        for index, (sign, number) in enumerate(zip(signs, numbers[1:], strict=True), 2):
            if sign == "/" and not number.strip("0"):
                raise UserError(f"{self.name!r} cannot divide by zero: the number behind '/' in place {index} is 0.")
        return numbers, signs

    def _example(self) -> str:
        return "".join(_interleaved(["11"] * (len(self.signs) + 1), list(self.signs)))


def _interleaved(numbers: Sequence[str], signs: Sequence[str]) -> Iterator[str]:
    for number, sign in zip(numbers, [*signs, ""], strict=True):
        yield number
        yield sign

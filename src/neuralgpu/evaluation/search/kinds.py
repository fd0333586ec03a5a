"""What kind of input a counterexample is: the first of a list of descriptions that it answers to."""

import re
from collections.abc import Callable
from typing import NamedTuple

from neuralgpu.evaluation.search.texts import taken_apart
from neuralgpu.tasks import Task

_SHORT_NUMBER, _SHORT_TEXT = 3, 5


class Kind(NamedTuple):
    """What a group of counterexamples is called."""

    name: str
    detail: str = ""
    """What this one's has as a number, such as 'through 8 digits'."""


OTHER = Kind("other")


def kind_of(task: Task, text: str) -> Kind:
    """Returns the kind of an input; the page on counterexamples lists all kinds in their order."""
    parts = taken_apart(text.partition("@")[0])
    signs = "".join(parts.between).strip()
    if len(parts.numbers) == 2 and len(signs) == 1:
        width = parts.width
        first, second = (number.zfill(width) for number in parts.numbers)
        return _kind_of_pair(first, signs, second, task.base)
    if signs:
        return _kind_of_expression(parts.numbers, signs, len(text))
    return _kind_of_sequence("".join(parts.numbers))


def longest_carry(first: str, second: str, base: int) -> int:
    """Returns the largest number of digits that one carry runs through in a sum of equally long numbers.

    >>> longest_carry("0111", "0001", 2), longest_carry("0110", "0110", 2), longest_carry("1010", "0101", 2)
    (3, 1, 0)
    """
    longest = running = 0
    for one, other in zip(reversed(first), reversed(second), strict=True):
        total = int(one) + int(other)
        # A column that makes a carry by itself begins a new one, whether or not another arrives.
        running = 1 if total >= base else running + 1 if running and total == base - 1 else 0
        longest = max(longest, running)
    return longest


def longest_borrow(first: str, second: str) -> int:
    """Returns the largest number of digits that one borrow runs through in a difference of equally long numbers.

    >>> longest_borrow("1000", "0001"), longest_borrow("1100", "0001"), longest_borrow("1111", "0101")
    (3, 2, 0)
    """
    longest = running = 0
    for one, other in zip(reversed(first), reversed(second), strict=True):
        running = 1 if one < other else running + 1 if running and one == other else 0
        longest = max(longest, running)
    return longest


def _kind_of_pair(first: str, sign: str, second: str, base: int) -> Kind:
    width = len(first)
    if width <= _SHORT_NUMBER:
        return Kind("short inputs")
    zeros = min(width - len(number.lstrip("0")) for number in (first, second))
    if 2 * zeros >= width:
        return Kind("leading zeros", f"{zeros} zeros")
    if sign == "+" and 2 * (carry := longest_carry(first, second, base)) >= width:
        return Kind("carry chain", f"through {carry} digits")
    if sign == "-" and 2 * (borrow := longest_borrow(first, second)) >= width:
        return Kind("borrow chain", f"through {borrow} digits")
    return next((Kind(name) for name, holds in _PAIRS.items() if holds(first, second, str(base - 1))), OTHER)


_Holds = Callable[[str, str, str], bool]
_PAIRS: dict[str, _Holds] = {
    "zero or one": lambda first, second, top: any(number.lstrip("0") in ("", "1") for number in (first, second)),
    "repeated digits": lambda first, second, top: len(set(first)) == len(set(second)) == 1,
    "equal operands": lambda first, second, top: first == second,
    "highest digits": lambda first, second, top: any(set(number.lstrip("0")) == {top} for number in (first, second)),
    "symmetric numbers": lambda first, second, top: first == first[::-1] and second == second[::-1],
    "alternating digits": lambda first, second, top: first[2:] == first[:-2] and second[2:] == second[:-2],
    "sparse digits": lambda first, second, top: all(len(number) - number.count("0") <= 2 for number in (first, second)),
}


def _kind_of_expression(numbers: list[str], signs: str, length: int) -> Kind:
    if length <= _SHORT_TEXT:
        return Kind("short inputs")
    zeros = sum(not number.strip("0") for number in numbers)
    if 2 * zeros >= len(numbers):
        return Kind("zeros", f"{zeros} of {len(numbers)} numbers")
    if len(signs) > 1 and len(set(signs)) == 1:
        return Kind("one operator", f"{len(signs)} times {signs[0]}")
    return OTHER


def _kind_of_sequence(symbols: str) -> Kind:
    if len(symbols) <= _SHORT_NUMBER:
        return Kind("short inputs")
    if len(set(symbols)) == 1:
        return Kind("all equal")
    if re.fullmatch("0*1*2*3*4*5*6*7*8*9*", symbols):
        return Kind("sorted")
    if re.fullmatch("9*8*7*6*5*4*3*2*1*0*", symbols):
        return Kind("descending")
    return OTHER

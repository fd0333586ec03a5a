"""Which symbol stands for what; ids are the published ones where there is one.

0 is padding and digit d is d + 1. The published programs use one symbol for several operators of different bases
(17 divides in base 2 and multiplies in base 8), which never meet in one task.
"""

from collections.abc import Mapping

DUPLICATE = 22
"""Marks what is to be written twice."""
SPACE = 23
"""Fills the field of a spaced task."""

OPERATORS: Mapping[str, Mapping[int, int]] = {
    "+": {2: 11, 4: 12, 10: 13, 3: 26, 5: 27, 6: 28, 7: 29, 8: 30, 9: 31},
    "*": {2: 14, 4: 15, 10: 16, 8: 17, 5: 18, 3: 32, 6: 33, 7: 34, 9: 35},
    "-": {2: 20, 4: 21, 10: 22, 3: 36, 5: 37, 6: 38, 7: 39, 8: 40, 9: 41},
    "/": {2: 17, 4: 18, 10: 19, 3: 42, 5: 43, 6: 44, 7: 45, 8: 46, 9: 47},
}
"""Symbol of an operator in each base. From 26 on they are ours, one for every base and operator."""

_TYPED = str.maketrans({"\N{MULTIPLICATION SIGN}": "*", "\N{DIVISION SIGN}": "/", "\N{MINUS SIGN}": "-"})
_BASE_PREFIX = {2: "b", 4: "q", 5: "f", 8: "o", 10: ""}


def typed(text: str) -> str:
    """Returns a text with the signs of print replaced by those of the keyboard, character for character."""
    return text.translate(_TYPED)


def name_in_base(short_name: str, base: int) -> str:
    """Returns a task's name: the published prefix of the base, or the base as a number behind it.

    >>> name_in_base("add", 2), name_in_base("add", 3), name_in_base("add", 10)
    ('badd', 'add3', 'add')
    """
    prefix = _BASE_PREFIX.get(base)
    return f"{short_name}{base}" if prefix is None else f"{prefix}{short_name}"

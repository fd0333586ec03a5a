"""Sets an answer under what was expected, marks its wrong digits, and leaves out the middle of long numbers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

SHOWN_WHOLE = 42
"""Longest number that is shown in full; it fits a phone's width."""
ENDS = 6
"""Digits that are shown at either end of a longer one that has wrong digits."""
AROUND = 6
"""Digits that are shown on either side of its first and its last wrong one."""
NOTHING = "·"
"""Stands where the answer, or what was expected, has no digit."""
GAP = "…"

PieceKind = Literal["same", "wrong", "gap"]


@dataclass(frozen=True)
class Piece:
    """A stretch of digits that are shown alike."""

    text: str
    kind: PieceKind


@dataclass(frozen=True)
class Comparison:
    """An answer set under what was expected: pieces of the same widths, one above the other."""

    expected: tuple[Piece, ...]
    answered: tuple[Piece, ...]
    wrong: int
    """Number of wrong digits, also of those left out."""
    digits: int
    first_wrong_place: int | None
    """Place of the wrong digit nearest the end, counted from 1 at the right; that is where sums are begun."""


def compare(target: str, output: str) -> Comparison:
    """Compares digit by digit from the right, the end at which numbers are aligned.

    >>> compare("100", "110").answered
    (Piece(text='1', kind='same'), Piece(text='1', kind='wrong'), Piece(text='0', kind='same'))
    """
    width = max(len(target), len(output))
    target, output = target.rjust(width, NOTHING), output.rjust(width, NOTHING)
    wrong = [place for place in range(width) if target[place] != output[place]]
    shown = _shown(width, wrong)

    def kind(place: int) -> PieceKind:
        if place not in shown:
            return "gap"
        return "wrong" if target[place] != output[place] else "same"

    return Comparison(
        expected=_pieces(target, kind),
        answered=_pieces(output, kind),
        wrong=len(wrong),
        digits=width,
        first_wrong_place=width - wrong[-1] if wrong else None,
    )


def elide_operands(text: str) -> str:
    """Shortens every long operand of an input in its middle, so that operators stay visible.

    >>> elide_operands("1" * 40 + "+" + "0" * 5)
    '111111111…111111111+00000'
    """
    if len(text) <= SHOWN_WHOLE:
        return text
    return re.sub(r"[^-+*/×÷−]{21,}", lambda run: run[0][:9] + GAP + run[0][-9:], text)


def first_to_show(examples: list[dict[str, Any]], limit: int = 4) -> list[dict[str, Any]]:
    """Picks the newest checkpoint's shortest wrong examples and, to fill up, its longest right ones."""
    newest: dict[int | None, int] = {}
    for example in examples:
        newest[example["seed"]] = max(example["step"], newest.get(example["seed"], 0))
    current = {
        (example["seed"], example["suite"], example["input"]): example
        for example in examples
        if example["step"] == newest[example["seed"]]
    }.values()
    wrong = sorted((e for e in current if e["output"] != e["target"]), key=lambda e: e["length"])[: limit - 1]
    right = sorted((e for e in current if e["output"] == e["target"]), key=lambda e: -e["length"])
    return wrong + right[: limit - len(wrong)]


def _shown(width: int, wrong: list[int]) -> set[int]:
    """Chooses the places to show: all, or the ends and the surroundings of the outermost wrong digits."""
    if width <= SHOWN_WHOLE:
        return set(range(width))
    ends = ENDS if wrong else SHOWN_WHOLE // 2 - 1
    shown = {*range(ends), *range(width - ends, width)}
    for place in wrong[:1] + wrong[-1:]:
        shown.update(range(max(place - AROUND, 0), min(place + AROUND + 1, width)))
    return shown


def _pieces(digits: str, kind: Callable[[int], PieceKind]) -> tuple[Piece, ...]:
    """Cuts a number into pieces; a gap of any width becomes one mark."""
    pieces = []
    for of_kind, places in groupby(range(len(digits)), kind):
        text = GAP if of_kind == "gap" else "".join(digits[place] for place in places)
        pieces.append(Piece(text, of_kind))
    return tuple(pieces)

"""Wrong digits are marked where they are, and seen however long the number is."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralgpu.reporting.digits import GAP, SHOWN_WHOLE, Comparison, compare, elide_operands, first_to_show

DIGITS = st.text("0123456789", max_size=300)


def marked(comparison: Comparison) -> str:
    return "".join(f"[{piece.text}]" if piece.kind == "wrong" else piece.text for piece in comparison.answered)


@pytest.mark.parametrize(
    ("target", "output", "shown", "wrong", "place"),
    [
        ("0001000", "0001000", "0001000", 0, None),
        ("0001000", "0001110", "0001[11]0", 2, 2),
        ("1001", "001", "[·]001", 1, 4),
        ("01", "101", "[1]01", 1, 3),
        ("0" * 100, "0" * 50 + "1" + "0" * 49, "000000…000000[1]000000…000000", 1, 50),
        ("0" * 43, "1" + "0" * 42, "[1]000000…000000", 1, 43),
    ],
)
def test_marks(target: str, output: str, shown: str, wrong: int, place: int | None) -> None:
    comparison = compare(target, output)
    assert (marked(comparison), comparison.wrong, comparison.first_wrong_place) == (shown, wrong, place)


@given(DIGITS, DIGITS)
def test_both_lines_have_the_same_pieces_and_fit_a_phone(target: str, output: str) -> None:
    comparison = compare(target, output)
    shape = [(len(piece.text), piece.kind) for piece in comparison.expected]
    assert shape == [(len(piece.text), piece.kind) for piece in comparison.answered]
    assert sum(width for width, _ in shape) <= SHOWN_WHOLE
    assert (comparison.wrong > 0) == ("wrong" in [kind for _, kind in shape])


def test_operator_of_a_long_input_stays_visible() -> None:
    assert elide_operands("12+34") == "12+34"
    shortened = elide_operands("1" * 200 + "*" + "0" * 199)
    assert shortened.count(GAP) == 2 and "*" in shortened and len(shortened) <= SHOWN_WHOLE


def test_wrong_examples_come_first_and_only_the_newest_count(make_example: Callable[..., dict[str, Any]]) -> None:
    stale = make_example("1", "0", step=100)
    right = [make_example("1" * length, "1" * length, input=str(length)) for length in (5, 50, 7)]
    wrong = [make_example("1" * length, "0" * length, input=f"{length}!") for length in (9, 3)]
    shown = first_to_show([stale, *right, *wrong])
    assert [(example["length"], example["output"][0]) for example in shown] == [(3, "0"), (9, "0"), (50, "1"), (7, "1")]

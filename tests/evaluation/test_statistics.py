import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralgpu.evaluation.statistics import (
    first_wrong_digit,
    sequence_error,
    symbol_error,
    wilson_interval,
    wrong_symbols,
)

TARGETS = np.array([[2, 1, 2, 0], [1, 1, 2, 2], [2, 0, 0, 0]], np.int32)
OUTPUTS = np.array([[2, 1, 2, 9], [1, 2, 1, 2], [0, 5, 0, 0]], np.int32)


def test_only_positions_with_a_target_count() -> None:
    assert wrong_symbols(OUTPUTS, TARGETS).tolist() == [
        [False, False, False, False],
        [False, True, True, False],
        [True, False, False, False],
    ]
    assert sequence_error(OUTPUTS, TARGETS) == pytest.approx(2 / 3)
    assert symbol_error(OUTPUTS, TARGETS) == pytest.approx(3 / 8)
    assert first_wrong_digit(OUTPUTS, TARGETS).tolist() == [-1, 1, 0]


def test_right_outputs_have_no_error() -> None:
    assert sequence_error(TARGETS, TARGETS) == symbol_error(TARGETS, TARGETS) == 0
    assert first_wrong_digit(TARGETS, TARGETS).tolist() == [-1, -1, -1]


def test_targets_that_ask_for_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for no symbol"):
        symbol_error(OUTPUTS, np.zeros_like(OUTPUTS))


@pytest.mark.parametrize("errors", [0, 1, 16, 31, 32])
def test_wilson_interval_is_the_formula(errors: int) -> None:
    count, z = 32, 1.959963984540054
    share = errors / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    assert wilson_interval(errors, count) == pytest.approx((middle - half, middle + half), abs=1e-9)


@given(st.integers(1, 5000), st.data())
def test_wilson_interval_holds_the_share_and_mirrors(count: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, count))
    low, high = wilson_interval(errors, count)
    assert 0 <= low <= errors / count <= high <= 1
    assert wilson_interval(count - errors, count) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_impossible_counts_are_refused() -> None:
    for errors, count in [(0, 0), (3, 2), (-1, 5)]:
        with pytest.raises(ValueError):
            wilson_interval(errors, count)

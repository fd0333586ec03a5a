import numpy as np
import pytest

from neuralgpu.evaluation.statistics import (
    first_wrong_digit,
    sequence_error,
    symbol_error,
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

from typing import get_args

import numpy as np
import pytest

from neuralgpu.tasks.layout import LAYOUT_SUFFIX, Layout, columns_of, place, read_operands, rows_of

OPERATOR = 11


def test_every_layout_has_its_own_suffix() -> None:
    assert {*LAYOUT_SUFFIX, "spaced"} == set(get_args(Layout))
    assert len(set(LAYOUT_SUFFIX.values())) == len(LAYOUT_SUFFIX)


def test_padded_operands_stand_in_one_row() -> None:
    grid = place(np.array([[2, 1]]), np.array([[2, 2]]), OPERATOR, "padded")
    assert grid[0].T.tolist() == [[2, 1, 11, 2, 2]]


def test_unpadded_operands_close_up() -> None:
    first, second = np.array([[2, 0], [1, 2]]), np.array([[1, 2], [2, 0]])
    grid = place(first, second, OPERATOR, "unpadded")
    assert grid[:, :, 0].tolist() == [[2, 11, 1, 2, 0], [1, 2, 11, 2, 0]]


def test_aligned_operands_stand_above_each_other() -> None:
    grid = place(np.array([[2, 1]]), np.array([[1, 2]]), OPERATOR, "aligned")
    assert grid[0].T.tolist() == [[2, 1, 0, 0, 0], [1, 2, 11, 0, 0]]


@pytest.mark.parametrize("layout", LAYOUT_SUFFIX)
def test_operands_are_read_back_from_a_longer_grid(layout: Layout) -> None:
    first, second = np.array([[2, 1, 2]]), np.array([[1, 1, 2]])
    grid = place(first, second, OPERATOR, layout)
    assert grid.shape == (1, columns_of(layout, 3, 3), rows_of(layout))
    longer = np.concatenate([grid[0], np.zeros((5, rows_of(layout)), np.int32)])
    operands = read_operands(longer, OPERATOR, layout)
    assert [np.trim_zeros(operand, "b").tolist() for operand in operands] == [first[0].tolist(), second[0].tolist()]


@pytest.mark.parametrize("layout", LAYOUT_SUFFIX)
def test_a_grid_without_operator_is_refused(layout: Layout) -> None:
    with pytest.raises(ValueError, match="no operator 11"):
        read_operands(np.ones((3, rows_of(layout)), np.int32), OPERATOR, layout)


def test_grid_lengths() -> None:
    assert columns_of("padded", 2, 5) == columns_of("aligned", 5, 2) == 11
    assert columns_of("unpadded", 2, 5) == 8

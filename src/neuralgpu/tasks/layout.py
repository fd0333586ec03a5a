"""Layouts: how two operands and their operator are put on the grid, and read from it again.

Operands are rows of symbols, least significant digit first, with padding behind the most significant digit.
"""

from typing import Literal

import numpy as np
from jaxtyping import Int

Layout = Literal["padded", "unpadded", "aligned", "spaced"]
"""padded: `12345+00067` in one row; unpadded: `12345+67` in one row; aligned: one operand a row; spaced: one of the
others somewhere in a field of spaces."""

LAYOUT_SUFFIX: dict[Layout, str] = {"padded": "", "unpadded": "z", "aligned": "e"}
"""What the layout of two operands adds to the name of a task."""


def rows_of(layout: Layout) -> int:
    """Returns the number of rows that the grid needs."""
    return 2 if layout == "aligned" else 1


def columns_of(layout: Layout, first_digits: int, second_digits: int) -> int:
    """Returns the length of the grid for operands of so many digits."""
    if layout == "unpadded":
        return first_digits + second_digits + 1
    return 2 * max(first_digits, second_digits) + 1


def place(
    first: Int[np.ndarray, "batch digit"], second: Int[np.ndarray, "batch digit"], operator: int, layout: Layout
) -> Int[np.ndarray, "batch length rows"]:
    """Puts operands of up to k digits on grids of length 2k + 1.

    One row: first operand, operator, second operand, each directly behind the one before. Aligned: the first
    operand in row 0, the second in row 1 with the operator at column k.
    """
    count, digits = first.shape
    grid = np.zeros((count, 2 * digits + 1, rows_of(layout)), np.int32)
    grid[:, :digits, 0] = first
    if layout == "aligned":
        grid[:, :digits, 1] = second
        grid[:, digits, 1] = operator
        return grid
    middle = np.count_nonzero(first, axis=1)[:, None]
    behind = np.concatenate([np.full((count, 1), operator), second], axis=1)
    np.put_along_axis(grid[:, :, 0], middle + np.arange(digits + 1), behind, axis=1)
    return grid


def read_operands(
    grid: Int[np.ndarray, "length rows"], operator: int, layout: Layout
) -> tuple[Int[np.ndarray, " first"], Int[np.ndarray, " second"]]:
    """Returns the symbols of both operands, undoing `place` for one grid (any padding behind it is allowed).

    Raises:
        ValueError: the operator is not on the grid.
    """
    last_row = grid[:, -1]
    found = np.flatnonzero(last_row == operator)
    if not found.size:
        raise ValueError(f"the grid holds no operator {operator}")
    if layout == "aligned":
        return grid[:, 0], last_row[: found[0]]
    return last_row[: found[0]], last_row[found[0] + 1 :]

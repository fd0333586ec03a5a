"""Functions of sequences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task


@pytest.mark.parametrize(
    ("name", "text", "row", "target", "output"),
    [
        ("copy", "0732", [1, 8, 4, 3], "0732", [1, 8, 4, 3]),
        ("reverse", "0732", [1, 8, 4, 3], "2370", [3, 4, 8, 1]),
        ("sort", "0732", [1, 8, 4, 3], "0237", [1, 3, 4, 8]),
        ("shift", "0732", [1, 8, 4, 3], "0073", [1, 1, 8, 4]),
        ("dup", "073", [22, 1, 8, 4, 0, 0], "073073", [1, 8, 4, 1, 8, 4]),
        ("incr", "0799", [10, 10, 8, 1, 0], "00800", [1, 1, 9, 1, 1]),
        ("bincr", "111", [2, 2, 2, 0], "1000", [1, 1, 1, 2]),
    ],
)
def test_written_examples(name: str, text: str, row: list[int], target: str, output: list[int]) -> None:
    task = find_task(name)
    assert task.encode(text)[:, 0].tolist() == row
    assert task.solve(text) == target
    assert task.encode_output(target, len(row)).tolist() == output
    assert task.decode(np.array(output)) == target


@given(st.text("0123", min_size=1, max_size=50))
def test_functions_are_pythons(text: str) -> None:
    assert find_task("qcopy").solve(text) == text
    assert find_task("qreverse").solve(text) == text[::-1]
    assert find_task("qsort").solve(text) == "".join(sorted(text))
    assert find_task("qshift").solve(text) == "0" + text[:-1]
    assert find_task("qdup").solve(text) == text * 2
    assert int(find_task("qincr").solve(text), 4) == int(text, 4) + 1


@pytest.mark.parametrize("name", ["copy", "bdup", "incr", "sort7"])
def test_symbols_are_uniform(name: str) -> None:
    task = find_task(name)
    grid = task.sample(np.random.default_rng(51), 12, 2000).grid
    symbols = grid[(grid > 0) & (grid <= task.base)]
    assert chisquare(np.bincount(symbols, minlength=task.base + 1)[1:]).pvalue > 0.001


def test_a_number_keeps_no_leading_zeros_and_a_sequence_keeps_them() -> None:
    assert find_task("incr").plain("0010") == "10"
    assert find_task("copy").plain("0010") == "0010"


def test_errors_point_at_the_character() -> None:
    with pytest.raises(UserError) as error:
        find_task("bsort").solve(" 012")
    assert str(error.value) == "'bsort' reads inputs like '0110': character 4, '2', is no digit of base 2 (0 1)."

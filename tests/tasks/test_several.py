"""Sums and products of several numbers."""

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task


@pytest.mark.parametrize(
    ("name", "text", "row", "target"),
    [
        ("3badd", "101+11+1", [2, 1, 2, 11, 2, 2, 1, 11, 2, 1, 1], "00000001001"),
        ("3mul", "9*9*9", [10, 16, 10, 16, 10], "00729"),
        ("kbadd", "1+1+1+1", [2, 11, 2, 11, 2, 11, 2], "0000100"),
        ("kmul", "12*3", [3, 2, 16, 4, 1], "00036"),
        ("kadd", "407", [8, 1, 5], "407"),
    ],
)
def test_written_examples(name: str, text: str, row: list[int], target: str) -> None:
    task = find_task(name)
    assert task.encode(text)[:, 0].tolist() == row
    assert task.solve(text) == target


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "3badd",
            "1+1",
            "'3badd' reads inputs like '101+11+1', got 2 of 3 numbers: one is missing behind character 3.",
        ),
        ("kbadd", "1++1", "'kbadd' reads inputs like '101+11+1', got no number before the '+' at character 3."),
        ("kbadd", "1+1+", "'kbadd' reads inputs like '101+11+1', got no number after the '+' at the end."),
        ("kmul", "1*2+3", "'kmul' works with *, got '+' at character 4."),
        ("kbmul", "1*2", "'kbmul' reads inputs like '101*11*1': character 3, '2', is no digit of base 2 (0 1)."),
        (
            "kadd",
            "1 2+3",
            "'kadd' reads inputs like '101+11+1', got two numbers without a sign between them at character 3.",
        ),
        ("kadd", "1+" * 50_000 + "1", "This input takes 100001 symbols; 100000 are allowed. Use a shorter one."),
    ],
)
def test_errors_point_at_the_character(name: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        find_task(name).solve(text)
    assert str(error.value) == message


def test_the_number_of_operands_is_uniform() -> None:
    task = find_task("kbadd")
    grids = task.sample(np.random.default_rng(31), 9, 5000).grid
    counts = np.count_nonzero(grids[:, :, 0] == 11, axis=1) + 1
    assert chisquare(np.bincount(counts)[1:]).pvalue > 0.001
    assert counts.max() == 5


def test_factors_are_zero_in_three_tenths_of_the_inputs_at_most() -> None:
    task, count = find_task("kbmul"), 4000
    texts = [task.decode_input(grid) for grid in task.sample(np.random.default_rng(32), 5, count).grid]
    for factors, digits in ((1, 5), (2, 2), (3, 1)):
        chosen = [text.split("*") for text in texts if text.count("*") == factors - 1]
        without = sum(all("1" in factor for factor in text) for text in chosen)
        chance = 0.7 + 0.3 * (1 - 2.0**-digits) ** factors
        assert binomtest(without, len(chosen), chance).pvalue > 0.001
    summands = [
        find_task("kbadd").decode_input(grid)
        for grid in find_task("kbadd").sample(np.random.default_rng(33), 5, count).grid
    ]
    ones = [text.split("+") for text in summands if text.count("+") == 2]
    assert binomtest(sum(text.count("1") == 3 for text in ones), len(ones), 1 / 8).pvalue > 0.001

"""Expressions: their value against Python's own, and their distribution against all expressions of a short length."""

import re
import time
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task, task_names
from neuralgpu.tasks.expressions import Expression

EXPRESSIONS = [task for task in map(find_task, task_names()) if isinstance(task, Expression)]
each_expression = pytest.mark.parametrize("task", EXPRESSIONS, ids=lambda task: task.name)


def value(text: str, base: int) -> int:
    """Lets Python work an expression out."""
    return eval(re.sub(r"\d+", lambda number: str(int(number[0], base)), text).replace("/", "//"))


def free_chances(task: Expression, length: int) -> dict[str, float]:
    """Returns the chance of every expression of a length before any is refused."""
    chances: dict[str, float] = {}
    for characters in product("0123456789"[: task.base] + task.signs, repeat=length):
        chance, after_operator = 1.0, True
        for place, character in enumerate(characters):
            operator_allowed = not after_operator and place != length - 1
            is_operator = character in task.signs
            if is_operator:
                chance *= 0.3 / len(task.signs) if operator_allowed else 0
            else:
                chance *= (0.7 if operator_allowed else 1) / task.base
            after_operator = is_operator
        if chance:
            chances["".join(characters)] = chance
    return chances


@pytest.mark.parametrize(
    ("name", "length"),
    [("bexpra", 5), ("bexpras", 6), ("bexpram", 5), ("bexprasm", 5), ("bexprasmd", 6), ("qexprasmd", 3)],
)
def test_short_expressions_have_the_published_distribution(name: str, length: int) -> None:
    task, count = find_task(name), 6000
    assert isinstance(task, Expression)
    free = free_chances(task, length)
    assert sum(free.values()) == pytest.approx(1)
    accepted: dict[str, float] = {}
    for text, chance in free.items():
        try:
            if value(text, task.base) >= 0:
                accepted[text] = chance
        except ZeroDivisionError:
            pass
    drawn = Counter(map(task.decode_input, task.sample(np.random.default_rng(41), length, count).grid))
    assert set(drawn) <= set(accepted)
    total = sum(accepted.values())
    expected = {text: count * chance / total for text, chance in accepted.items()}
    common = [text for text in expected if expected[text] >= 5]
    seen = [*(drawn[text] for text in common), count - sum(drawn[text] for text in common)]
    wanted = [*(expected[text] for text in common), count - sum(expected[text] for text in common)]
    if wanted[-1] < 1e-6:
        seen, wanted = seen[:-1], wanted[:-1]
    assert chisquare(seen, wanted).pvalue > 0.001


@each_expression
def test_values_are_pythons(task: Expression) -> None:
    batch = task.sample(np.random.default_rng(42), 41, 200)
    for grid in batch.grid:
        text = task.decode_input(grid)
        answer = task.solve(text)
        assert len(answer) == len(text) == 41
        assert int(answer, task.base) == value(text, task.base)


@pytest.mark.parametrize("length", [41, 201])
def test_operators_are_as_frequent_as_their_chance_says(length: int) -> None:
    task = find_task("bexpram")
    grids = task.sample(np.random.default_rng(43), length, 400).grid[:, :, 0]
    is_operator = grids > 2
    assert not is_operator[:, [0, -1]].any()
    assert not (is_operator[:, 1:] & is_operator[:, :-1]).any()
    free = ~is_operator[:, :-2]  # the places whose left neighbour is a digit
    chosen = is_operator[:, 1:-1][free]
    assert binomtest(int(chosen.sum()), chosen.size, 0.3).pvalue > 0.001
    assert chisquare(np.bincount(grids[is_operator])[[11, 14]]).pvalue > 0.001
    assert binomtest(int((grids == 2).sum()), int((~is_operator).sum()), 0.5).pvalue > 0.001


@pytest.mark.parametrize("name", ["bexprasmd", "exprasmd", "qexpras"])
def test_long_expressions_do_not_stall(name: str) -> None:
    task = find_task(name)
    start = time.perf_counter()
    batch = task.sample(np.random.default_rng(44), 201, 32)
    assert time.perf_counter() - start < 10
    text = task.decode_input(batch.grid[0])
    assert int(task.decode(batch.target[0]), task.base) == value(text, task.base) >= 0


@given(st.sampled_from(EXPRESSIONS), st.text("01", min_size=1, max_size=9), st.data())
def test_typed_expressions_are_solved_as_python_would(task: Expression, first: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.tuples(st.sampled_from(task.signs), st.text("01", min_size=1, max_size=9))))
    text = first + "".join(sign + number for sign, number in parts)
    try:
        expected = value(text, task.base)
    except ZeroDivisionError:
        with pytest.raises(UserError, match="cannot divide by zero"):
            task.solve(text)
        return
    if expected < 0:
        with pytest.raises(UserError, match=f"no numbers below zero, this expression is {expected}"):
            task.solve(text)
        return
    assert int(task.solve(text), task.base) == expected
    assert task.decode_input(task.encode(text)) == text


def test_signs_of_print_and_spaces_are_understood() -> None:
    task = find_task("exprasmd")
    text = "12 \N{MULTIPLICATION SIGN} 3 \N{MINUS SIGN} 8 \N{DIVISION SIGN} 3"
    assert task.plain(task.solve(text)) == "34"
    assert task.encode(text)[:, 0].tolist() == [3, 2, 16, 4, 22, 9, 19, 4]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bexpra", "1-1", "'bexpra' works with +, got '-' at character 2."),
        (
            "bexprasmd",
            "1+*1",
            "'bexprasmd' reads inputs like '11+11*11/11-11', got no number before the '*' at character 3.",
        ),
        ("bexprasmd", "1+10/00*1", "'bexprasmd' cannot divide by zero: the number behind '/' in place 3 is 0."),
        (
            "bexprasmd",
            "-1",
            "'bexprasmd' reads inputs like '11+11*11/11-11', got no number before the '-' at character 1.",
        ),
        ("exprasmd", "3-5", "'exprasmd' has no numbers below zero, this expression is -2. Subtract less."),
        (
            "qexpram",
            "1+4",
            "'qexpram' reads inputs like '11+11*11': character 3, '4', is no digit of base 4 (0 1 2 3).",
        ),
    ],
)
def test_errors_point_at_the_character(name: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        find_task(name).solve(text)
    assert str(error.value) == message

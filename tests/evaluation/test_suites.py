import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites import Example, Suite, find_suite, suite_names, suites_for
from neuralgpu.tasks import Addition, Task, find_task, task_names
from neuralgpu.tasks.arithmetic import Arithmetic

TASKS = [find_task(name) for name in task_names()]
ADDITIONS = [task for task in TASKS if isinstance(task, Addition)]
SMALL = 21
"""Symbols of the inputs that tests draw."""
FITTING = [
    pytest.param(suite, task, id=f"{suite.name}-{task.name}")
    for task in TASKS
    for suite in suites_for(task)
    if task.base in (2, 10) and suite.name != "random"
]


def draw(suite: str, task: Task, size: int, count: int, seed: int = 0) -> list[Example]:
    return find_suite(suite).examples(task, size, count, np.random.default_rng(seed))


def operands(task: Task, example: Example) -> tuple[str, str]:
    assert isinstance(task, Arithmetic)
    first, second = example.input.split(task.sign)
    return first, second


def values(task: Task, example: Example) -> tuple[int, int]:
    first, second = operands(task, example)
    return int(first, task.base), int(second, task.base)


def carries(first: int, second: int, base: int) -> str:
    """Writes 1 for each column out of which a carry comes, lowest column first."""
    written, carry = "", 0
    while first or second or carry:
        carry = (first % base + second % base + carry) // base
        written += str(carry)
        first, second = first // base, second // base
    return written


def test_names() -> None:
    assert suite_names()[:2] == ["random", "carry"]
    assert len(suite_names()) == 22
    for name in suite_names():
        suite = find_suite(name)
        assert suite.name == name
        assert suite.about
        assert suite.source
    with pytest.raises(UserError, match=r"^There is no suite 'cary'\. Did you mean 'carry'\? Allowed: random, carry, "):
        find_suite("cary")


@pytest.mark.parametrize(("suite", "task"), FITTING)
def test_inputs_have_their_length_and_come_from_the_generator(suite: Suite, task: Task) -> None:
    sizes = suite.sizes(task, SMALL)
    assert sizes == sorted(sizes)
    assert sizes
    for size in (sizes[0], sizes[-1]):
        length = suite.length_of(task, size)
        assert suite.size_of(task, length) >= size
        examples = suite.examples(task, size, 6, np.random.default_rng(1))
        assert examples == suite.examples(task, size, 6, np.random.default_rng(1))
        assert examples
        for example in examples:
            grid = task.encode(example.input)
            assert len(grid) <= length
            assert task.layout == "unpadded" or len(grid) == length or suite.name in ("zero-one", "uneven")
            assert example.target == task.solve(example.input)
            assert task.decode_input(grid) == example.input


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_random_inputs_are_the_tasks_own_with_exact_answers(task: Task) -> None:
    length = task.valid_lengths(13, 15)[0]
    examples = draw("random", task, length, 5)
    grids = task.sample(np.random.default_rng(0), length, 256).grid
    assert [example.input for example in examples] == [task.decode_input(grid) for grid in grids[:5]]
    assert all(example.target == task.solve(example.input) for example in examples)


def test_random_inputs_hold_no_runs_of_training() -> None:
    task = find_task("add")
    assert isinstance(task, Addition)
    assert draw("random", replace(task, carry_share=1.0, repeat_share=1.0), 41, 4) == draw("random", task, 41, 4)


@pytest.mark.parametrize("task", ADDITIONS, ids=lambda task: task.name)
@pytest.mark.parametrize("size", [1, 2, 30])
def test_carry_sums_are_a_power_of_the_base_or_one_less(task: Task, size: int) -> None:
    length = find_suite("carry").length_of(task, size)
    assert length == 2 * size + 3
    totals = []
    for example in draw("carry", task, size, 7):
        first, second = operands(task, example)
        x, y = values(task, example)
        totals.append(x + y)
        assert max(x, y) >= 1
        assert int(example.target, task.base) == x + y
        if task.layout == "unpadded":
            assert not any(len(operand) > 1 and operand[0] == "0" for operand in (first, second))
        else:
            assert len(first) == len(second) == size + 1
            assert len(example.target) == length
    assert sorted(totals) == [task.base**size - 1] * 3 + [task.base**size] * 4


def test_carry_operands_are_uniform_in_both_places() -> None:
    task = find_task("qadd")
    counts = np.zeros((2, 2, 17), int)
    for example in draw("carry", task, 2, 1500):  # x + y is 16 or 15
        x, y = values(task, example)
        counts[0, x + y - 15, x] += 1
        counts[1, x + y - 15, y] += 1
    for place in counts:
        assert chisquare(place[1, 1:16]).pvalue > 0.001  # x in 1..15 and 16 - x
        assert chisquare(place[0, 1:15]).pvalue > 0.001  # x in 1..15 and 15 - x: the ends come in one order only
        assert (place[0, [0, 15]] > 0).all()


@pytest.mark.parametrize("base", ["badd", "qadd", "add"])
@pytest.mark.parametrize("size", [1, 2, 9])
def test_chains_have_their_length_and_place(base: str, size: int) -> None:
    task = find_task(base)
    places = set()
    for example in draw("carry-low", task, size, 40):
        assert carries(*values(task, example), task.base).rstrip("0") == "1" * size
    for example in draw("carry-overflow", task, size, 40):
        assert carries(*values(task, example), task.base).rstrip("0") == "1" * size
        assert int(example.target, task.base) >= task.base**size
    for example in draw("carry-inside", task, size, 40):
        chain = carries(*values(task, example), task.base).rstrip("0")
        assert chain.lstrip("0") == "1" * size
        places.add(len(chain))
    assert len(places) > 1


def products(task: Task, size: int) -> set[int]:
    return {x * y for x, y in (values(task, example) for example in draw("power", task, size, 30))}


@pytest.mark.parametrize("name", ["bmul", "mulz", "mule"])
@pytest.mark.parametrize("size", [4, 6, 26, 100])
def test_products_are_a_power_or_one_less(name: str, size: int) -> None:
    task = find_task(name)
    assert products(task, size) == {task.base**size, task.base**size - 1}


def test_single_digits_come_once_each_behind_zeros() -> None:
    for name, count in (("mul", 100), ("badd", 4), ("sub", 55), ("div", 90)):
        task = find_task(name)
        examples = draw("leading-zeros", task, 99 if name == "mul" else 3, 1000)
        assert len({example.input for example in examples}) == len(examples) == count
        width = 100 if name == "mul" else 4
        assert all(len(operand) == width for example in examples for operand in operands(task, example))
        assert all(max(values(task, example)) < task.base for example in examples)
    with pytest.raises(UserError, match=r"^Suite 'leading-zeros' has no inputs for 'mulz' \(multiplication, un"):
        draw("leading-zeros", find_task("mulz"), 3, 1)


REGULAR: dict[str, Callable[[str, str], bool]] = {
    "repeated": lambda x, y: len(set(x)) == len(set(y)) == 1 and len(x) == len(y) == 8,
    "sparse": lambda x, y: 1 <= len(x.replace("0", "")) <= 2 and 1 <= len(y.replace("0", "")) <= 2,
    "palindromes": lambda x, y: x == x[::-1] and y == y[::-1],
    "equal": lambda x, y: x == y,
    "nines": lambda x, y: {x.strip("0"), y.strip("0")} <= {"9" * 8, "1"} and x + y != "1" * 2,
    "zero-one": lambda x, y: min(x.lstrip("0"), y.lstrip("0"), key=len) in ("", "1"),
    "uneven": lambda x, y: (
        sorted((len(x.lstrip("0")), len(y.lstrip("0"))))[0] <= 2 and "0" not in (x[0] + y[0]).strip("0")
    ),
    "alternating": lambda x, y: all(len(set(z[::2])) == len(set(z[1::2])) == 1 and z[0] != z[1] for z in (x, y)),
}


@pytest.mark.parametrize("name", REGULAR)
def test_regular_numbers_are_regular(name: str) -> None:
    examples = draw(name, find_task("mul"), 8, 60)
    assert len({example.input for example in examples}) >= min(len(examples), 6)
    for example in examples:
        assert REGULAR[name](*operands(find_task("mul"), example)), example.input


def test_expressions_have_the_operators_that_they_are_named_for() -> None:
    task = find_task("exprasmd")

    def signs(suite: str, size: int) -> list[str]:
        texts = [example.input for example in draw(suite, task, size, 40)]
        assert all(len(text) == size for text in texts)
        return ["".join(character for character in text if character in "+-*/") for text in texts]

    assert {"".join(set(found)) for found in signs("one-operator", 41)} == set("+-*/")
    assert min(map(len, signs("one-operator", 41))) > 41 / 4 - 4
    assert all(set(found) <= set("*/") and "/" in found for found in signs("divisions", 41))
    for found in signs("precedence", 41):
        levels = ["*/".find(sign) >= 0 for sign in found]
        assert all(level != following for level, following in pairwise(levels))
    assert any(example.input.count("0") > 15 for example in draw("zeros", task, 41, 40))
    assert not find_suite("divisions").fits(find_task("exprasm"))
    assert not find_suite("precedence").fits(find_task("expras"))


def test_sequences_are_regular() -> None:
    task = find_task("sort")
    assert {example.input for example in draw("all-equal", task, 9, 99)} == {digit * 9 for digit in "0123456789"}
    for example in draw("sorted", task, 9, 20):
        assert example.input == "".join(sorted(example.input)) == example.target
    for example in draw("descending", task, 9, 20):
        assert example.input == "".join(sorted(example.input, reverse=True))


def test_inputs_of_a_file_are_asked_length_by_length(tmp_path: Path) -> None:
    file, task = tmp_path / "found.jsonl", find_task("badd")
    file.write_text(
        "".join(json.dumps({"input": text, "kind": "carry"}) + "\n" for text in ("1+1", "11+1", "01+11", "1+1"))
    )
    suite = find_suite(f"file:{file}")
    assert suite.sizes(task, 100) == [3, 5]
    rng = np.random.default_rng(0)
    assert [example.input for example in suite.examples(task, 5, 10, rng)] == ["11+1", "01+11"]
    assert suite.examples(task, 3, 10, rng) == [Example("1+1", "010")]
    with pytest.raises(UserError, match="There is no file"):
        find_suite(f"file:{tmp_path / 'none'}")
    for text in ("", "[]\n", '{"input": 3}\n', "{}\n", "1+1\n"):
        file.write_text(text)
        with pytest.raises(UserError):
            find_suite(f"file:{file}")


def test_what_suites_have_not_got_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match=r"^Suite 'carry' has no inputs for 'bmul' \(multiplication, padded\); "):
        draw("carry", find_task("bmul"), 11, 1)
    with pytest.raises(UserError, match=r"^Suite 'carry' has no inputs of length 3 for 'badd'\. Nearest: 5\.$"):
        find_suite("carry").size_of(find_task("badd"), 3)
    with pytest.raises(UserError, match=r"no inputs of length 6 for 'badd'\. Nearest: 5 or 7\.$"):
        find_suite("carry").size_of(find_task("badd"), 6)
    with pytest.raises(UserError, match=r"^Suite 'carry' has no carry length 0 for 'badd'\. The next one is 1\.$"):
        find_suite("carry").examples(find_task("badd"), 0, 1, rng)
    with pytest.raises(UserError, match=r"^Suite 'power' has no n 7 for 'bmul'\. The next one is 8\.$"):
        find_suite("power").examples(find_task("bmul"), 7, 1, rng)


def test_suites_do_without_jax_and_scipy() -> None:
    code = "import sys, neuralgpu.evaluation.suites; assert not {'jax', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

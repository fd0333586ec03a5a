import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites import Example, SizedSuite, find_suite, suite_names
from neuralgpu.tasks import Addition, Task, find_task, task_names

TASKS = [find_task(name) for name in task_names()]
ADDITIONS = [task for task in TASKS if isinstance(task, Addition)]


def carry_suite() -> SizedSuite:
    suite = find_suite("carry")
    assert isinstance(suite, SizedSuite)
    return suite


def draw(suite: str, task: Task, length: int, count: int, seed: int = 0) -> list[Example]:
    return find_suite(suite).examples(task, length, count, np.random.default_rng(seed))


def test_names() -> None:
    assert suite_names() == ["random", "carry"]
    for name in suite_names():
        assert find_suite(name).name == name
        assert find_suite(name).source.startswith("section ")
    with pytest.raises(
        UserError, match=r"^There is no suite 'cary'\. Did you mean 'carry'\? Allowed: carry, random\.$"
    ):
        find_suite("cary")


@pytest.mark.parametrize("name", suite_names())
def test_examples_come_from_the_generator(name: str) -> None:
    task = find_task("badd")
    assert draw(name, task, 41, 8, seed=1) == draw(name, task, 41, 8, seed=1)
    assert draw(name, task, 41, 8, seed=1) != draw(name, task, 41, 8, seed=2)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_random_inputs_are_the_tasks_own_with_exact_answers(task: Task) -> None:
    length = task.valid_lengths(13, 15)[0]
    examples = draw("random", task, length, 5)
    grids = task.sample(np.random.default_rng(0), length, 5).grid
    assert [example.input for example in examples] == [task.decode_input(grid) for grid in grids]
    assert all(example.target == task.solve(example.input) for example in examples)


def test_random_inputs_hold_no_carry_runs_of_training() -> None:
    task = find_task("add")
    assert isinstance(task, Addition)
    assert draw("random", replace(task, carry_share=1.0), 41, 4) == draw("random", task, 41, 4)


@pytest.mark.parametrize("task", ADDITIONS, ids=lambda task: task.name)
@pytest.mark.parametrize("size", [1, 2, 30])
def test_carry_sums_are_a_power_of_the_base_or_one_less(task: Task, size: int) -> None:
    length = carry_suite().length_of(size)
    assert length == 2 * size + 3
    totals = []
    for example in draw("carry", task, length, 7):
        first, second = example.input.split("+")
        x, y = int(first, task.base), int(second, task.base)
        totals.append(x + y)
        assert max(x, y) >= 1
        assert int(example.target, task.base) == x + y
        grid = task.encode(example.input)
        if task.layout == "unpadded":
            assert len(grid) <= length
            assert not any(len(operand) > 1 and operand[0] == "0" for operand in (first, second))
        else:
            assert len(first) == len(second) == size + 1
            assert len(grid) == len(example.target) == length
    assert sorted(totals) == [task.base**size - 1] * 3 + [task.base**size] * 4


def test_carry_operands_are_uniform_in_both_places() -> None:
    examples = draw("carry", find_task("qadd"), 7, 1500)  # x + y is 16 or 15
    counts = np.zeros((2, 2, 17), int)
    for example in examples:
        x, y = (int(operand, 4) for operand in example.input.split("+"))
        counts[0, x + y - 15, x] += 1
        counts[1, x + y - 15, y] += 1
    for place in counts:
        assert chisquare(place[1, 1:16]).pvalue > 0.001  # x in 1..15 and 16 - x
        assert chisquare(place[0, 1:15]).pvalue > 0.001  # x in 1..15 and 15 - x: the ends come in one order only
        assert (place[0, [0, 15]] > 0).all()


def test_carry_sizes_and_lengths_are_one_to_one() -> None:
    for size in range(1, 50):
        assert carry_suite().size_of(carry_suite().length_of(size)) == size


def test_what_carry_cannot_test() -> None:
    with pytest.raises(UserError, match="Suite 'carry' tests addition only, not 'bmul'"):
        draw("carry", find_task("bmul"), 11, 1)
    with pytest.raises(UserError, match=r"has no inputs of length 3 \(odd lengths from 5\)"):
        draw("carry", find_task("badd"), 3, 1)
    with pytest.raises(UserError, match="Length 6 is not valid for 'badd'"):
        draw("carry", find_task("badd"), 6, 1)
    with pytest.raises(UserError, match="A carry length of 0 is not possible"):
        carry_suite().length_of(0)


def test_suites_do_without_jax_and_scipy() -> None:
    code = "import sys, neuralgpu.evaluation.suites; assert not {'jax', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

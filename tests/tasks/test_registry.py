"""What holds for every task."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralgpu.errors import UserError
from neuralgpu.tasks import Task, find_task, task_names

TASKS = [find_task(name) for name in task_names()]
every_task = pytest.mark.parametrize("task", TASKS, ids=task_names())


def test_names_are_unique_and_find_their_task() -> None:
    assert len(set(task_names())) == len(task_names()) == 348
    assert [task.name for task in TASKS] == task_names()
    assert len(set(TASKS)) == len(TASKS)


@pytest.mark.parametrize(
    ("given_name", "message"),
    [
        ("bad", "There is no task 'bad'. Did you mean 'badd'? 'neuralgpu tasks' lists them."),
        ("mul10", "There is no task 'mul10'. Did you mean 'mul'? 'neuralgpu tasks' lists them."),
        ("wxyz", "There is no task 'wxyz'. 'neuralgpu tasks' lists them."),
    ],
)
def test_a_wrong_name_names_the_nearest(given_name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        find_task(given_name)
    assert str(error.value) == message


@every_task
def test_every_valid_length_to_64_agrees_with_the_oracle(task: Task) -> None:
    rng = np.random.default_rng(0)
    lengths = task.valid_lengths(0, 64)
    assert lengths == [length for length in range(65) if task.valid_length(length)]
    assert len(lengths) > 15
    for length in lengths:
        assert_agrees(task, rng, length, 1)


@pytest.mark.parametrize("examples", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_many_examples_at_random_lengths_agree_with_the_oracle(examples: int) -> None:
    # In a process of its own, where calls are not checked for the shapes and types of their arguments.
    script = Path(__file__).with_name("many_examples.py")
    ended = subprocess.run([sys.executable, script, str(examples)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    counts = {name: int(count) for name, count in map(str.split, ended.stdout.splitlines())}
    assert list(counts) == task_names()
    assert min(counts.values()) >= examples


@given(st.sampled_from(TASKS), st.integers(0, 250), st.integers(0, 2**32))
@settings(deadline=None)
def test_random_lengths_agree_with_the_oracle(task: Task, low: int, seed: int) -> None:
    length = next(length for length in range(low, low + 100) if task.valid_length(length))
    assert_agrees(task, np.random.default_rng(seed), length, 3)


def assert_agrees(task: Task, rng: np.random.Generator, length: int, count: int) -> None:
    batch = task.sample(rng, length, count)
    assert batch.grid.shape == (count, length, task.rows)
    assert batch.target.shape == (count, length)
    assert batch.grid.dtype == batch.target.dtype == np.int32
    assert min(batch.grid.min(), batch.target.min()) >= 0
    assert max(batch.grid.max(), batch.target.max()) < task.vocabulary
    for grid, target in zip(batch.grid, batch.target, strict=True):
        text = task.decode_input(grid)
        answer = task.solve(text)
        assert task.decode(target) == answer
        output = task.encode_output(answer, length)
        assert np.array_equal(output, target[: len(output)])
        assert not target[len(output) :].any()
        encoded = task.encode(text)
        assert np.array_equal(encoded, grid[: len(encoded)])
        assert not grid[len(encoded) :].any()
        assert not target[len(encoded) :].any()


@every_task
def test_samples_come_from_the_generator(task: Task) -> None:
    length = task.valid_lengths(20, 40)[0]
    first, again, other = (task.sample(np.random.default_rng(seed), length, 8) for seed in (1, 1, 2))
    assert np.array_equal(first.grid, again.grid)
    assert np.array_equal(first.target, again.target)
    assert not np.array_equal(first.grid, other.grid)
    rng = np.random.default_rng(1)
    task.sample(rng, length, 8)
    assert not np.array_equal(task.sample(rng, length, 8).grid, first.grid)


@every_task
def test_invalid_lengths_and_counts_are_refused(task: Task) -> None:
    rng = np.random.default_rng(0)
    shortest = next(length for length in range(1, 100) if task.valid_length(length))
    for length in (-4, 0, shortest - 1):
        with pytest.raises(UserError, match=rf"^Length {length} is not valid for .* Nearest: {shortest}\.$"):
            task.check_length(length)
    gaps = [length for length in range(shortest, 64) if not task.valid_length(length)]
    for length in gaps:
        below = max(near for near in range(length) if task.valid_length(near))
        above = min(near for near in range(length, 100) if task.valid_length(near))
        with pytest.raises(UserError) as error:
            task.sample(rng, length, 1)
        nearest = f"Nearest: {below} or {above}."
        assert str(error.value) == f"Length {length} is not valid for {task.name!r} ({task.length_rule}). {nearest}"
    with pytest.raises(UserError, match="Cannot draw 0 examples"):
        task.sample(rng, shortest, 0)


@every_task
def test_examples_are_right_and_stay_the_same(task: Task) -> None:
    length = task.valid_lengths(7, 20)[0]
    text, answer = task.example(length)
    assert answer == task.solve(text)
    assert (text, answer) == task.example(length)


@every_task
def test_what_is_no_input_is_refused_in_one_line(task: Task) -> None:
    for text in ("", "  ", "x", "1+", "@", "1 @ 9,9 of 9", "+-*/", "1" * 100_002, "12²"):
        for read in (task.encode, task.solve):
            with pytest.raises(UserError) as error:
                read(text)
            assert "\n" not in str(error.value)
            named = vars(task).get("inner", task).name  # a spaced task leaves its input to the one inside
            assert named in str(error.value) or "100000 are allowed" in str(error.value)


@given(st.sampled_from(TASKS), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_any_output_can_be_written(task: Task, symbols: list[int]) -> None:
    text = task.decode(np.array(symbols, np.int32))
    assert set(text) <= set("0123456789"[: task.base] + "_?")
    assert len(text) <= len(symbols)
    assert set(task.plain(text)) <= set(text) | {"0"}


def test_tasks_do_without_jax() -> None:
    code = "import sys, neuralgpu.tasks; assert not {'jax', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

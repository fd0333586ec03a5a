"""A step's inputs: they depend on seed and step alone, fill their bucket, and arrive from a thread in order."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumConfig, CurriculumState, TaskState, initial_state
from neuralgpu.model.config import ModelConfig
from neuralgpu.tasks import Addition, find_task
from neuralgpu.training.data import made_ahead, step_draws, step_examples
from neuralgpu.training.objective import Examples
from neuralgpu.training.padding import padded_length
from neuralgpu.training.tasks import training_tasks

TASK = find_task("badde")
TASKS = (TASK,)
GROWTH = RunConfig(task="badde", seeds=(3, 8), batch=4)
BUCKETS = replace(
    GROWTH,
    model=ModelConfig(stop="bucket"),
    curriculum=CurriculumConfig(kind="buckets", max_length=12, start_length=8, buckets=(8, 12), shorter_share=0.5),
)
each_kind = pytest.mark.parametrize("config", [GROWTH, BUCKETS], ids=["growth", "buckets"])


def states_at(*lengths: int) -> list[CurriculumState]:
    return [CurriculumState((TaskState(length),)) for length in lengths]


def examples(config: RunConfig, step: int, *lengths: int) -> tuple[Examples, ...]:
    return step_examples(config, TASKS, config.seeds, step_draws(config, TASKS, states_at(*lengths), step), step)


@each_kind
def test_inputs_follow_seed_and_step_and_nothing_else(config: RunConfig) -> None:
    both = examples(config, 7, 8, 8)
    again = examples(config, 7, 8, 8)
    alone = examples(replace(config, seeds=(8,)), 7, 8)
    for one, same, single in zip(both, again, alone, strict=True):
        for name in Examples._fields:
            assert np.array_equal(getattr(one, name), getattr(same, name))
            assert np.array_equal(getattr(one, name)[1:], getattr(single, name))
        assert not np.array_equal(one.grid[0], one.grid[1])
        assert not np.array_equal(one.seed[0], one.seed[1])
    assert not np.array_equal(both[0].seed, examples(config, 8, 8, 8)[0].seed)


def test_inputs_are_solved_examples_padded_to_a_length_that_holds_the_longest() -> None:
    seen = set()
    for step in range(12):
        lengths = [of_seed[0].longest for of_seed in step_draws(GROWTH, TASKS, states_at(9, 31), step)]
        own = [GROWTH.curriculum.bucket_of(length) for length in lengths]
        (made,) = examples(GROWTH, step, 9, 31)
        padded = padded_length(GROWTH, [of_seed[0] for of_seed in step_draws(GROWTH, TASKS, states_at(9, 31), step)])
        assert max(lengths) <= padded <= max(8, 1.15 * max(lengths))
        assert made.grid.shape == (2, 4, padded, TASK.rows)
        assert made.target.shape == (2, 4, padded)
        assert list(made.bucket) == own
        # One step more than an input has symbols; a bucket has room for its length in whole rounds of six copies.
        assert list(made.steps) == [min(bucket + 1, -(-bucket // 6) * 6) for bucket in own]
        assert list(made.used) == [1, 1]
        assert made.seed.dtype == np.uint32
        for seed, length in enumerate(lengths):
            assert not made.grid[seed, :, length:].any()
            assert not made.target[seed, :, length:].any()
            for grid, target in zip(np.asarray(made.grid[seed]), np.asarray(made.target[seed]), strict=True):
                assert TASK.decode(target) == TASK.solve(TASK.decode_input(grid))
        seen.add(tuple(own))
    assert any(one != other for one, other in seen), "the seeds' buckets are to differ somewhere"


def test_a_seed_whose_bucket_is_not_open_gets_padding_that_does_not_count() -> None:
    short, long = examples(BUCKETS, 5, 8, 12)
    assert [short.grid.shape[2], long.grid.shape[2]] == [8, 12]
    assert list(short.used) == [1, 1]
    assert list(long.used) == [0, 1]
    assert not long.grid[0].any()
    assert long.grid[1].any()
    alone = examples(replace(BUCKETS, seeds=(3,)), 5, 8)
    assert len(alone) == 1
    assert np.array_equal(alone[0].grid[0], short.grid[0])


def test_seeds_at_different_lengths_draw_close_ones() -> None:
    pairs = [
        [of_seed[0].longest for of_seed in step_draws(GROWTH, TASKS, states_at(19, 23), step)] for step in range(600)
    ]
    one, other = np.array(pairs).T
    assert np.all(one <= other), "the seed that is further on never draws the shorter one"
    assert np.abs(one - other).mean() < 0.3 * np.abs(one - np.roll(other, 1)).mean()


def test_items_come_in_order_and_are_made_ahead() -> None:
    made: list[int] = []

    def make(step: int) -> int:
        made.append(step)
        return step * step

    with made_ahead(make, range(3, 20), ahead=2) as items:
        first = next(items)
        deadline = time.monotonic() + 10
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        # One was taken, two wait, and the thread holds at most one more.
        assert 3 <= len(made) <= 4
        assert [first, *items] == [step * step for step in range(3, 20)]
    assert made == list(range(3, 20))


def test_an_error_in_the_thread_is_raised_where_its_item_is_taken() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise ValueError("step 2 cannot be made")
        return step

    taken: list[int] = []
    with pytest.raises(ValueError, match="step 2"), made_ahead(make, range(5)) as items:
        taken.extend(items)
    assert taken == [0, 1]


def test_leaving_early_stops_the_thread() -> None:
    with made_ahead(lambda step: step, range(1_000_000), ahead=2) as items:
        assert next(items) == 0
        assert "examples" in {thread.name for thread in threading.enumerate()}
    assert "examples" not in {thread.name for thread in threading.enumerate()}


def test_a_seed_that_rests_gets_no_inputs() -> None:
    for resting in (False, True):
        [state] = states_at(8)
        draws = step_draws(BUCKETS, TASKS, [None if resting else state, state], 15)
        assert [bool(of_seed) for of_seed in draws] == [not resting, True]
        made = step_examples(BUCKETS, TASKS, BUCKETS.seeds, draws, 15)
        assert [list(bucket.used) for bucket in made] == [[not resting, 1]]
        assert made[0].grid[0].any() == (not resting)


def test_tasks_of_several_layouts_share_a_grid() -> None:
    config = replace(
        GROWTH, curriculum=CurriculumConfig(tasks=("baddz", "badde"), moves="mixed", max_length=9, buckets=(9,))
    )
    tasks = training_tasks(config)
    valid = [task.valid_length for task in tasks]
    seen = set()
    for step in range(12):
        draws = step_draws(config, tasks, [initial_state(config.curriculum, valid)] * 2, step)
        (made,) = step_examples(config, tasks, config.seeds, draws, step)
        assert made.grid.shape == (2, 4, padded_length(config, [draws[0][0]]), 2)
        assert draws[0][0].task == draws[1][0].task, "seeds at the same place draw the same task"
        assert made.task.tolist() == [draws[0][0].task] * 2
        task = tasks[draws[0][0].task]
        seen.add(task.name)
        for grid, target in zip(np.asarray(made.grid[0]), np.asarray(made.target[0]), strict=True):
            assert not grid[:, task.rows :].any()
            assert task.decode(target) == task.solve(task.decode_input(grid[:, : task.rows]))
    assert seen == {"baddz", "badde"}


def test_carry_rich_sums_are_for_the_tasks_that_add() -> None:
    config = replace(GROWTH, carry_share=0.3, repeat_share=0.2, curriculum=CurriculumConfig(tasks=("bmul", "badde")))
    multiplication, addition = training_tasks(config)
    assert multiplication == find_task("bmul")
    assert isinstance(addition, Addition)
    assert (addition.carry_share, addition.repeat_share) == (0.3, 0.2)

from dataclasses import replace
from itertools import pairwise

import jax
import numpy as np
import pytest

from neuralgpu.benchmark.measure import inputs
from neuralgpu.benchmark.sizes import Size
from neuralgpu.benchmark.work import real_lengths, steps_needed, steps_run, work
from neuralgpu.config import RunConfig
from neuralgpu.cost import operations
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.neural_gpu import initial_model
from neuralgpu.training.objective import Examples

SMALL = ModelConfig(channels=3, height=1, layers=1, copies=3)


def examples(lengths: list[list[int]], bucket: int) -> Examples:
    """Returns inputs of these lengths, a list for each seed; the last symbol of each is the target's alone."""
    used = np.arange(bucket) < np.array(lengths)[..., None]
    grid = np.where(np.arange(bucket) < np.array(lengths)[..., None] - 1, 2, 0).astype(np.int32)[..., None]
    of_seed = np.ones(len(lengths), np.float32)
    seeds = np.zeros(used.shape[:2], np.uint32)
    return Examples(grid, used.astype(np.int32), seeds, bucket * of_seed, of_seed, of_seed.astype(np.int32))


def test_the_paper_s_step_by_hand() -> None:
    size = Size(seeds=2, length=41, batch=3)
    config = size.config()
    found = work(config, inputs(config))
    assert config.curriculum.buckets == (48,)
    assert found.cells == 2 * 3 * 41 * 4 * 42  # seeds, inputs, positions, rows, steps
    assert found.operations == 3 * 2 * 3 * operations(config.model, 41)
    assert found.padding == pytest.approx(1 - 41 / 48)  # 42 steps are 7 whole rounds of 6 copies


def test_inputs_of_several_lengths_by_hand() -> None:
    config, given = RunConfig(task="badd", seeds=(0, 1), batch=2, model=SMALL), examples([[3, 5], [5, 8]], 9)
    assert real_lengths(given).tolist() == [[3, 5], [5, 8]]
    found = work(config, given)
    assert found.cells == 3 * 4 + 2 * 5 * 6 + 8 * 9
    assert found.operations == 3 * sum(operations(SMALL, length) for length in (3, 5, 5, 8))
    assert found.padding == pytest.approx(1 - found.cells / (4 * 9 * 9))


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_an_input_changes_in_as_many_steps_as_are_counted(length: int) -> None:
    model = initial_model(jax.random.key(0), SMALL)
    mask = np.arange(8) < length
    states = np.asarray(model.trace(np.where(mask, 2, 0)[:, None].astype(np.int32), mask))
    changing = [not np.array_equal(before, after) for before, after in pairwise(states)]
    assert 1 + sum(changing) == steps_needed(SMALL, length, 8)
    assert steps_needed(SMALL, length, 8) <= steps_run(SMALL, length, 8) <= len(states)


def test_models_that_do_not_stop_need_every_step() -> None:
    for other in ({"stop": "bucket"}, {"output": "sum"}):
        assert steps_needed(replace(SMALL, **other), 5, 16) == 18
    normalised = replace(SMALL, batch_norm="masked")
    assert (steps_needed(normalised, 5, 16), steps_run(normalised, 5, 16), steps_run(SMALL, 5, 16)) == (6, 18, 6)

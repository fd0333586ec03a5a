from dataclasses import replace
from itertools import pairwise

import jax
import numpy as np
import pytest

from neuralgpu.benchmark.measure import draws
from neuralgpu.benchmark.sizes import Size
from neuralgpu.benchmark.work import work
from neuralgpu.config import RunConfig
from neuralgpu.cost import operations
from neuralgpu.curriculum import Draw
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model

SMALL = ModelConfig(channels=3, height=1, layers=1, copies=3)


def test_the_paper_s_step_by_hand() -> None:
    config = Size(seeds=2, length=13, batch=3).config()
    found = work(config, draws(config))
    assert config.curriculum.buckets == (16,)
    assert found.cells == 2 * 3 * 13 * 4 * 14  # seeds, inputs, positions, rows, steps
    assert found.operations == 3 * 2 * 3 * operations(config.model, 13)
    assert found.padding == pytest.approx(1 - 14 / 18)  # 14 steps need 3 whole rounds of 6 copies


def test_inputs_of_several_lengths_by_hand() -> None:
    config = RunConfig(task="badd", seeds=(0, 1), batch=2, model=SMALL)
    found = work(config, [Draw(0, 8, {3: 1, 5: 1}), Draw(0, 8, {5: 1, 8: 1})])
    assert found.cells == 3 * 4 + 2 * 5 * 6 + 8 * 9
    assert found.operations == 3 * sum(operations(SMALL, length) for length in (3, 5, 5, 8))
    assert found.padding == pytest.approx(1 - found.cells / (2 * 8 * (6 + 9)))


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_an_input_changes_in_as_many_steps_as_are_counted(length: int) -> None:
    model = initial_model(jax.random.key(0), SMALL)
    mask = np.arange(8) < length
    states = np.asarray(model.trace(np.where(mask, 2, 0)[:, None].astype(np.int32), mask))
    changing = [not np.array_equal(before, after) for before, after in pairwise(states)]
    assert 1 + sum(changing) == SMALL.steps_of(length, 8) <= len(states)


def test_models_that_do_not_stop_need_every_step() -> None:
    for other in ({"stop": "bucket"}, {"output": "sum"}, {"batch_norm": "masked"}):
        assert replace(SMALL, **other).steps_of(5, 16) == 18

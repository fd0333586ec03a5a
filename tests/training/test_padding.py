"""What a step computes, what of it is needed, and that seeds of one curriculum waste little."""

from dataclasses import replace
from itertools import pairwise

import jax
import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, Draw, TaskState
from neuralgpu.model.config import ModelConfig
from neuralgpu.training.data import step_draws
from neuralgpu.training.padding import Padding, compiled_lengths, padded_length, padding
from neuralgpu.training.placement import placement
from neuralgpu.training.tasks import training_tasks

CLASSIC = RunConfig(task="badd", batch=4)
"""Six relaxed copies; an input of n symbols takes n + 1 steps."""
BUCKET = replace(CLASSIC, model=ModelConfig(stop="bucket", copies=1))


def test_compiled_lengths_lie_close_together_and_end_with_the_longest() -> None:
    lengths = compiled_lengths(48)
    assert lengths[0] == 8
    assert lengths[-1] == 48
    assert all(one < other <= max(one + 1, 1.15 * one) for one, other in pairwise(lengths))
    assert compiled_lengths(5) == (5,)


def test_a_model_that_depends_on_padding_keeps_its_bucket() -> None:
    draws = [Draw(0, 12, {9: 4}), None, Draw(0, 20, {17: 4})]
    assert padded_length(CLASSIC, draws) == 18
    assert padded_length(CLASSIC, draws[:2]) == 9
    assert padded_length(BUCKET, draws) == 20


def test_cells_are_counted() -> None:
    # 9 symbols take 10 steps, in two rounds of six; 17 take 18, in three.
    short, long = Draw(0, 12, {9: 4}), Draw(0, 20, {17: 4})
    assert padding(CLASSIC, [short], 9, 1) == Padding(4 * 9 * 12, 4 * 9 * 10)
    both = padding(CLASSIC, [short, None, long], 18, 3)
    assert both == Padding(4 * 18 * (12 + 18), 4 * (9 * 10 + 17 * 18))
    assert both.waste == pytest.approx(1 - 1584 / 2160)
    assert padding(BUCKET, [Draw(0, 20, {17: 3, 5: 1})], 20, 1) == Padding(4 * 20 * 20, (3 * 17 + 5) * 20)
    assert Padding().waste == 0


def test_an_input_as_long_as_its_bucket_has_no_room_for_a_last_step() -> None:
    assert padding(CLASSIC, [Draw(0, 12, {12: 4})], 14, 1) == Padding(4 * 14 * 12, 4 * 12 * 12)


def test_devices_that_take_all_seeds_at_once_compute_empty_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    draws = [Draw(0, 12, {9: 4}), Draw(0, 20, {17: 4}), None]
    assert padding(CLASSIC, draws, 18, 4) == Padding(4 * 4 * 18 * 18, 4 * (9 * 10 + 17 * 18))


@pytest.mark.parametrize("spread", [0, 4, 12])
def test_fifteen_seeds_of_a_length_curriculum_waste_less_than_15_percent(spread: int) -> None:
    config = replace(CLASSIC, seeds=tuple(range(15)), batch=32)
    tasks, rng = training_tasks(config), np.random.default_rng(0)
    reached = sorted(41 - 2 * int(below) for below in rng.integers(0, spread, 15, endpoint=True))
    states = [CurriculumState((TaskState(length),)) for length in reached]
    slots = placement(15, config.batch, jax.devices("cpu")[:2]).slots
    assert slots == 2
    total = Padding()
    for step in range(200):
        draws = [of_seed[0] for of_seed in step_draws(config, tasks, states, step)]
        for start in range(0, 15, slots):
            group = draws[start : start + slots]
            total += padding(config, group, padded_length(config, group), slots)
    assert 0.05 < total.waste < 0.15

"""A run's state that is not an array, as a checkpoint holds it."""

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from neuralgpu.checkpoint import Checkpoint
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, TaskState
from neuralgpu.errors import DamagedRunError
from neuralgpu.training.controls import Controls
from neuralgpu.training.padding import Padding
from neuralgpu.training.standing import EpochSums, Standing, standing_of

CONFIG = RunConfig(task="badd", seeds=(3, 9))
STANDING = Standing(
    8,
    [Controls(CurriculumState((TaskState(8, 2),)), 0.1 + 0.2, 0.1, 0.1, 4, 1, (1.5, 2.5)) for _ in CONFIG.seeds],
    [[EpochSums(0.5, 0.25, 0.125, 2)] for _ in CONFIG.seeds],
    [1],
    {"3": 5},
    1.5,
    0.5,
    0.25,
    Padding(100, 70),
    Padding(10, 7),
)


def saved(standing: Standing, **changes: Any) -> Checkpoint:
    state = {**asdict(standing), **changes}
    del state["step"]
    return Checkpoint(standing.step, {"a": np.zeros(2)}, json.loads(json.dumps(state)))


def test_a_standing_comes_back() -> None:
    assert standing_of(saved(STANDING), CONFIG) == STANDING


@pytest.mark.parametrize(
    "changes",
    [
        {"controls": 3},
        {"controls": [{}, {}]},
        {"learning": ["1"]},
        {"diverged": []},
        {"seconds": "long"},
        {"padding": {"computed": 1.5}},
        {"colour": "red"},
    ],
)
def test_what_is_no_standing_is_damage(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedRunError, match=r"^The state of step 8 is not one that this version wrote: .*\.$"):
        standing_of(saved(STANDING, **changes), CONFIG)


@pytest.mark.parametrize(
    "other",
    [
        replace(STANDING, controls=STANDING.controls[:1]),
        replace(STANDING, sums=[[], []]),
        replace(STANDING, learning=[0, 0]),
        replace(STANDING, learning=[2]),
        replace(STANDING, learning=[-1]),
        replace(STANDING, diverged={"4": 5}),
    ],
)
def test_the_standing_of_other_settings_is_damage(other: Standing) -> None:
    with pytest.raises(DamagedRunError, match=r"does not fit its configuration: .* Was config\.toml edited\?$"):
        standing_of(saved(other), CONFIG)

"""Seeds in company: each learns what it learns alone, those that are done leave, one can be taken out."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from neuralgpu.checkpoint import load_latest
from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError
from neuralgpu.rows import append_lines
from neuralgpu.training import ensemble, loop
from neuralgpu.training.ensemble import Ensemble
from neuralgpu.training.extraction import extract
from neuralgpu.training.placement import Placement, placement
from neuralgpu.training.step import Learner, initial_learner

from .conftest import CountingCompiler
from .runs import same_bits, started, trained

pytestmark = pytest.mark.usefixtures("shared_steps")


def numbers(event: dict[str, Any]) -> dict[str, float]:
    """Returns what an event says of one seed: the padding is that of all the seeds together."""
    return {key: value for key, value in event.items() if not isinstance(value, str) and key != "padding_waste"}


def test_seed_7_of_15_learns_in_200_steps_what_it_learns_alone(
    tmp_path: Path, cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "initial_learner", initial_learner)
    # Seeds move on where they learn: their lengths part.
    curriculum = replace(cgru_config.curriculum, advance_below=0.97, any_length=0.25)
    config = replace(cgru_config, curriculum=curriculum, batch=2, steps=200, epoch=20, seeds=tuple(range(15)))
    company = trained(started(tmp_path / "company", config), config)
    alone_config = replace(config, seeds=(7,))
    alone = trained(started(tmp_path / "alone", alone_config), alone_config)
    lengths = [{event["length"] for event in company.events[1:] if event["step"] == step} for step in (60, 140)]
    assert max(map(len, lengths)) > 1, "the seeds are to stand at different lengths"
    [of_company, of_alone] = ([event for event in ended.events[1:] if event["seed"] == 7] for ended in (company, alone))
    assert len(of_alone) == 10
    assert [numbers(event) for event in of_company] == [pytest.approx(numbers(event), rel=1e-3) for event in of_alone]
    for name, array in alone.checkpoint.arrays.items():
        assert company.checkpoint.arrays[name][7] == pytest.approx(array[0], rel=1e-3, abs=1e-4)
    assert 0 < company.trainer.cost.padding_waste < 1


def test_seeds_that_are_done_leave_the_compute(tmp_path: Path, diagonal_config: RunConfig) -> None:
    config = replace(diagonal_config, seeds=(0, 1, 2, 3), steps=12)
    run = started(tmp_path / "run", config)
    start = trained(run, config, stop_at=2).checkpoint
    state = copy.deepcopy(dict(start.state))
    for control, learned_at in zip(state["controls"], (1, 0, 5, 5), strict=True):
        control["learned_at"] = learned_at  # the last step is 3 later: 4, 3, 8, 8
    ended = trained(run, config, replace(start, state=state))
    assert ended.finished
    assert ended.checkpoint.step == 8
    assert [progress.learning for progress in ended.progress] == [4, 4, 2, 2, 2, 2]
    assert ended.checkpoint.state["learning"] == []
    # Seed 0's last weights are those that it had when it was done, whatever the others did since.
    stopped = trained(run, config, replace(start, state=state), stop_at=4).checkpoint
    for name, array in ended.checkpoint.arrays.items():
        assert array[0].tobytes() == stopped.arrays[name][0].tobytes()
        assert array[1].tobytes() == stopped.arrays[name][1].tobytes()
    again = trained(run, config, stopped)
    assert same_bits(again.checkpoint, ended.checkpoint)


def test_a_run_does_not_wait_for_a_seed_that_has_diverged(tmp_path: Path, diagonal_config: RunConfig) -> None:
    config = replace(diagonal_config, steps=12)
    run = started(tmp_path / "run", config)
    start = trained(run, config, stop_at=2).checkpoint
    state = copy.deepcopy(dict(start.state))
    state["controls"][0]["learning_rate"] = math.inf
    state["controls"][1]["learned_at"] = 5  # the last step is 3 later
    ended = trained(run, config, replace(start, state=state))
    assert ended.finished
    assert ended.trainer.diverged == {"0": 4}
    assert ended.checkpoint.step == 8
    assert {"event": "diverged", "step": 4, "seed": 0} in ended.events


def test_the_number_of_slots_shrinks_to_the_next_size(
    cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch, learner_for: Callable[[RunConfig], Learner]
) -> None:
    def as_an_accelerator(seeds: int, batch: int, devices: object, at_once: int) -> Placement:
        return placement(1, batch, jax.devices("cpu")[:1])._replace(slots=min(seeds, at_once or seeds))

    monkeypatch.setattr(ensemble, "placement", as_an_accelerator)
    seeds = Ensemble(replace(cgru_config, seeds=tuple(range(15))), CountingCompiler())
    assert [seeds.placement(count).slots for count in range(15, 0, -1)] == [
        *(15, 15, 15, 12, 12, 12, 12),
        *(8, 8, 6, 6, 4, 3, 2, 1),
    ]
    assert seeds.grouped([4, 2, 9]) == [[4, 2, 9]]
    assert seeds.grouped([]) == []
    some = Ensemble(replace(cgru_config, seeds=tuple(range(15)), group=6), CountingCompiler())
    assert some.grouped(list(range(15))) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [12, 13, 14]]
    learner = learner_for(replace(cgru_config, seeds=tuple(range(15))))
    some.load(learner, [[3, 1, 8]])
    assert some.slots == 3
    for before, after in zip(jax.tree.leaves(learner), jax.tree.leaves(some.learner()), strict=True):
        assert np.array_equal(before, after)


def test_one_seed_goes_on_as_a_run_of_its_own(tmp_path: Path, config: RunConfig) -> None:
    run = started(tmp_path / "run", config)
    append_lines(run.results_file, [{"seed": 0, "suite": "random"}, {"seed": 1, "suite": "random"}])
    stopped = trained(run, config, stop_at=3).checkpoint
    taken, warnings = extract(run, 1, tmp_path / "one", force=False)
    assert warnings == []
    assert taken.config() == replace(config, seeds=(1,))
    assert [json.loads(line)["seed"] for line in taken.results_file.read_text().splitlines()] == [1]
    checkpoint, _ = load_latest(taken.checkpoints)
    for name, array in checkpoint.arrays.items():
        assert array.tobytes() == stopped.arrays[name][1:].tobytes()
    [whole, alone] = trained(run, config, stopped), trained(taken, taken.config(), checkpoint)
    assert alone.finished
    for name, array in alone.checkpoint.arrays.items():
        assert array[0] == pytest.approx(whole.checkpoint.arrays[name][1], rel=1e-4, abs=1e-5)
    events = [[event for event in ended.events if event.get("seed") == 1] for ended in (whole, alone)]
    assert [event["step"] for event in events[0]] == [2, 4, 6]
    for one, other in zip(*events, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-4)


def test_a_seed_that_is_not_there_or_a_run_in_the_way_is_refused(tmp_path: Path, cgru_config: RunConfig) -> None:
    run = started(tmp_path / "run", cgru_config)
    trained(run, cgru_config, stop_at=1)
    with pytest.raises(UserError, match=r"has no seed 5; it has \[0, 1\]\.$"):
        extract(run, 5, tmp_path / "one", force=False)
    with pytest.raises(UserError, match=r"is the run itself; give the new run another --out\.$"):
        extract(run, 1, run.path, force=True)
    extract(run, 1, tmp_path / "one", force=False)
    with pytest.raises(UserError, match="already holds a run"):
        extract(run, 0, tmp_path / "one", force=False)

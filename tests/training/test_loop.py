"""A run: stopping and resuming changes no bit, seeds that diverge are named, a bucket is compiled for once."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuralgpu.checkpoint import Checkpoint
from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError
from neuralgpu.run_directory import RunDirectory
from neuralgpu.training.ensemble import Ensemble
from neuralgpu.training.objective import Weights

if TYPE_CHECKING:
    from .conftest import Workshop

from .runs import same_bits, started, trained

pytestmark = pytest.mark.usefixtures("shared_steps")


@pytest.fixture
def new_run(tmp_path: Path, config: RunConfig) -> Callable[[str], RunDirectory]:
    return lambda name: started(tmp_path / name, config)


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5])
def test_a_stopped_and_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    new_run: Callable[[str], RunDirectory], config: RunConfig, stop_at: int
) -> None:
    whole = trained(new_run("whole"), config)
    run = new_run("parts")
    stopped = trained(run, config, stop_at=stop_at)
    assert not stopped.finished
    assert stopped.trainer.step == stopped.checkpoint.step == stop_at
    assert not same_bits(stopped.checkpoint, whole.checkpoint)
    resumed = trained(run, run.config(), stopped.checkpoint)
    assert whole.finished
    assert resumed.finished
    assert same_bits(resumed.checkpoint, whole.checkpoint)
    assert resumed.events == whole.events
    assert [event["length"] for event in whole.events[1:] if event["seed"] == 1] == {
        "growth": [4, 5, 7],
        "buckets": [4, 6, 6],
    }[config.curriculum.kind]


def test_events_after_the_checkpoint_are_forgotten_and_made_again(
    new_run: Callable[[str], RunDirectory], config: RunConfig
) -> None:
    whole = trained(new_run("whole"), config)
    run = new_run("killed")
    early = trained(run, config, stop_at=3).checkpoint
    late = trained(run, config, early)
    assert late.checkpoint.step == config.steps
    # The same checkpoint again, as if the process had been killed before it wrote a later one.
    again = trained(run, config, early)
    assert again.events == late.events == whole.events
    assert same_bits(again.checkpoint, whole.checkpoint)


def test_a_run_reports_progress_and_its_epochs(new_run: Callable[[str], RunDirectory], config: RunConfig) -> None:
    ended = trained(new_run("run"), config)
    assert [progress.step for progress in ended.progress] == list(range(1, config.steps + 1))
    for progress in ended.progress:
        assert progress.last_step == config.steps
        assert len(progress.losses) == len(progress.sequence_errors) == len(progress.lengths) == 2
        assert progress.steps_per_second > 0
    assert ended.progress[-1].seconds_left == 0
    assert [(event["step"], event["seed"]) for event in ended.events[1:]] == [
        (n, seed) for n in (2, 4, 6) for seed in (0, 1)
    ]
    for event in ended.events[1:]:
        assert event["event"] == "progress"
        assert 0 < event["loss"] < 20
        assert 0 <= event["sequence_error"] <= 1
    assert ended.trainer.diverged == {}


def test_each_padded_length_and_each_number_of_buckets_is_compiled_once(
    new_run: Callable[[str], RunDirectory], config: RunConfig, workshop: "Workshop"
) -> None:
    trained(new_run("run"), config)
    made = {key[0::3]: count for key, count in workshop.compiler.made.items() if key[1] == config}
    lengths = {"growth": (8,), "buckets": (4, 6)}[config.curriculum.kind]
    numbers = {"growth": (1,), "buckets": (1, 2)}[config.curriculum.kind]
    assert made == {**{("gradient", n): 1 for n in lengths}, **{("follow", n): 1 for n in numbers}}


def test_each_seed_s_noise_follows_its_schedule(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cgru_config: RunConfig,
) -> None:
    given: list[list[float]] = []
    step = Ensemble.step

    def recording(self: Ensemble, inputs: Any, weights: Sequence[Weights]) -> Any:
        given.append(np.asarray(weights[0].noise).tolist())
        return step(self, inputs, weights)

    monkeypatch.setattr(Ensemble, "step", recording)
    config = replace(cgru_config, model=replace(cgru_config.model, noise_schedule="curriculum"))
    trained(started(tmp_path / "run", config), config)
    # Lengths 4, 5 and 7 of 9, two steps each.
    expected = [[0.05 * length / 9] * 2 for length in (4, 4, 5, 5, 7, 7)]
    assert given == [pytest.approx(noises) for noises in expected]


def with_rates(checkpoint: Checkpoint, *rates: float) -> Checkpoint:
    """Returns a checkpoint with other learning rates, which no settings allow."""
    state = copy.deepcopy(dict(checkpoint.state))
    for control, rate in zip(state["controls"], rates, strict=True):
        control["learning_rate"] = rate
    return replace(checkpoint, state=state)


def test_a_seed_that_diverges_is_named_and_leaves_the_others_alone(tmp_path: Path, config: RunConfig) -> None:
    config = replace(config, seeds=tuple(range(8)))
    run, rate = started(tmp_path / "run", config), config.optimiser.learning_rate
    rate *= 8 if config.model.cell == "diagonal" else 1
    start = trained(run, config, stop_at=2).checkpoint
    # Bring all learning rates to a common, finite value first, so that the other seeds' runs can be compared.
    healthy = trained(run, config, with_rates(start, *[rate] * 8))
    broken = trained(run, config, with_rates(start, *[rate] * 3, math.inf, *[rate] * 4))
    assert healthy.trainer.diverged == {}
    # Step 3 makes the weights infinite, step 4 is the first whose loss shows it.
    assert broken.trainer.diverged == {"3": 4}
    assert broken.finished
    others = [0, 1, 2, 4, 5, 6, 7]
    for name, array in broken.checkpoint.arrays.items():
        assert array[others].tobytes() == healthy.checkpoint.arrays[name][others].tobytes()
    assert not np.isfinite(broken.checkpoint.arrays[".model.embedding"][3]).all()
    assert {event["seed"] for event in broken.events if event["step"] == config.steps} == set(others)


def test_a_run_whose_seeds_all_diverged_ends_with_the_remedy(
    new_run: Callable[[str], RunDirectory], config: RunConfig
) -> None:
    run = new_run("run")
    start = trained(run, config, stop_at=2).checkpoint
    with pytest.raises(UserError, match=r"step 4.*lower optimiser\.learning_rate"):
        trained(run, config, with_rates(start, math.inf, math.inf))


def test_a_learning_rate_that_can_only_diverge_is_refused(config: RunConfig) -> None:
    with pytest.raises(UserError, match=r"optimiser\.learning_rate must lie between 0 and 10"):
        replace(config, optimiser=replace(config.optimiser, learning_rate=1e6))


def test_copies_are_averaged_for_the_seed_whose_pull_is_large(tmp_path: Path, cgru_config: RunConfig) -> None:
    run = started(tmp_path / "run", cgru_config)
    start = trained(run, cgru_config, stop_at=1).checkpoint
    state = copy.deepcopy(dict(start.state))
    state["controls"][1]["pull"] = 0.5
    ended = trained(run, cgru_config, replace(start, state=state), stop_at=2)
    kernels = ended.checkpoint.arrays[".model.cells[0].gates.kernel"]
    assert ended.checkpoint.step == 2
    assert np.abs(kernels[1, 0] - kernels[1, 1]).max() == 0
    assert np.abs(kernels[0, 0] - kernels[0, 1]).max() > 0.1
    assert [control["pull"] for control in ended.checkpoint.state["controls"]] == [pytest.approx(0.0006), 0.5]


def test_a_seed_is_judged_by_its_own_buckets_alone(tmp_path: Path, diagonal_config: RunConfig) -> None:
    run = started(tmp_path / "run", diagonal_config)
    start = trained(run, diagonal_config, stop_at=2).checkpoint
    epochs = []
    for other_length in (4, 6):
        state = copy.deepcopy(dict(start.state))
        for control, length in zip(state["controls"], (4, other_length), strict=True):
            control["curriculum"] = {"tasks": [{"length": length}]}
        ended = trained(run, diagonal_config, replace(start, state=state), stop_at=4)
        epochs.append({event["seed"]: event for event in ended.events if event["step"] == 4})
    alone, in_company = epochs
    assert [event["length"] for event in in_company.values()] == [4, 6]
    assert in_company[0]["sequence_error"] == alone[0]["sequence_error"]
    assert in_company[0]["loss"] == pytest.approx(alone[0]["loss"], rel=1e-5)
    assert in_company[1]["loss"] != pytest.approx(alone[1]["loss"], rel=1e-4)


def test_a_seed_that_is_done_rests_while_the_others_learn(tmp_path: Path, diagonal_config: RunConfig) -> None:
    run = started(tmp_path / "run", diagonal_config)
    start = trained(run, diagonal_config, stop_at=2).checkpoint
    state = copy.deepcopy(dict(start.state))
    state["controls"][0]["learned_at"] = 0  # done at step 3, in the middle of an epoch
    done = trained(run, diagonal_config, replace(start, state=state), stop_at=3).checkpoint
    ended = trained(run, diagonal_config, done)
    assert ended.finished
    assert ended.trainer.diverged == {}
    for name, array in ended.checkpoint.arrays.items():
        if name.startswith(".model"):
            assert array[0].tobytes() == done.arrays[name][0].tobytes()
            assert array[1].tobytes() != done.arrays[name][1].tobytes() or not array[1].any()
    assert [event["seed"] for event in ended.events if event["step"] > 4] == [1]
    assert math.isnan(ended.progress[-1].losses[0])
    assert math.isfinite(ended.progress[-1].losses[1])


def test_a_seed_that_starts_over_gets_new_weights_and_the_other_keeps_its_own(
    tmp_path: Path, diagonal_config: RunConfig
) -> None:
    proving = replace(diagonal_config.curriculum, buckets=(4, 6, 10), proving_bucket=6, proving_epochs=1)
    config = replace(diagonal_config, curriculum=proving)
    run = started(tmp_path / "run", config)
    start = trained(run, config, stop_at=2).checkpoint
    state = copy.deepcopy(dict(start.state))
    assert [control["curriculum"]["tasks"][0]["length"] for control in state["controls"]] == [6, 6]
    config = replace(config, curriculum=replace(proving, advance_below=0.0))
    state["controls"][1]["curriculum"] = {"tasks": [{"length": 4}]}
    before = trained(run, config, replace(start, state=state), stop_at=3)
    ended = trained(run, config, before.checkpoint, stop_at=4)
    restarts = [event for event in ended.events if event["event"] == "restart"]
    assert restarts == [{"event": "restart", "step": 4, "seed": 0, "length": 6}]
    controls = ended.checkpoint.state["controls"]
    assert [(control["attempt"], control["curriculum"]["tasks"][0]["length"]) for control in controls] == [
        (1, 4),
        (0, 4),
    ]
    for name, array in ended.checkpoint.arrays.items():
        if name.startswith(".moments"):
            assert not array[0].any()
        elif array[0].size > 10:
            assert np.abs(array[0] - before.checkpoint.arrays[name][0]).max() > 0.1
            assert np.abs(array[1] - before.checkpoint.arrays[name][1]).max() < 0.1
    assert trained(run, config, ended.checkpoint).finished

"""A training that is in the middle of a long step is left with the state before it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.checkpoint import load_latest
from neuralgpu.config import RunConfig
from neuralgpu.errors import StorageError
from neuralgpu.rows import read_lines
from neuralgpu.training import loop
from neuralgpu.training.ensemble import Ensemble
from neuralgpu.training.loop import Trainer

from .runs import same_bits, started, trained

pytestmark = pytest.mark.usefixtures("shared_steps")


@pytest.mark.parametrize(("long", "saved"), [(0.0, 5), (1000.0, 4)])
def test_the_state_before_a_long_step_is_saved_while_it_runs(
    tmp_path: Path, cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch, long: float, saved: int
) -> None:
    monkeypatch.setattr(loop, "_LONG_STEP", long)
    run = started(tmp_path / "run", cgru_config)
    whole = trained(started(tmp_path / "whole", cgru_config), cgru_config)
    inside, leave = threading.Event(), threading.Event()
    step: Callable[..., Any] = Ensemble.step

    def stuck(self: Ensemble, inputs: Any, weights: Any) -> Any:
        if trainer.step == 5:
            inside.set()
            assert leave.wait(60)
            raise KeyboardInterrupt  # stands for the end of the process
        return step(self, inputs, weights)

    monkeypatch.setattr(Ensemble, "step", stuck)
    trainer = Trainer(run, cgru_config)

    def train() -> None:
        with pytest.raises(KeyboardInterrupt):
            trainer.train(lambda progress: None, lambda: False)

    thread = threading.Thread(target=train)
    thread.start()
    assert inside.wait(60)
    # Every step that might be long is preceded by a copy; of short ones the epoch's start, step 4, is what there is.
    assert trainer.abandon() == saved
    state = load_latest(run.checkpoints)[0]
    assert state.step == saved
    assert read_lines(run.events_file)[-1]["event"] == "interrupt"
    leave.set()
    trainer._safety.writing.release()  # which the end of the process would make needless
    thread.join()
    monkeypatch.setattr(Ensemble, "step", step)
    assert same_bits(trained(run, cgru_config, state).checkpoint, whole.checkpoint)


def test_a_training_that_has_ended_is_not_abandoned(tmp_path: Path, cgru_config: RunConfig) -> None:
    run = started(tmp_path / "run", cgru_config)
    ended = trained(run, cgru_config, stop_at=3)
    assert ended.trainer.abandon() is None
    assert "interrupt" not in {event["event"] for event in read_lines(run.events_file)}


def test_nothing_is_saved_into_a_directory_that_has_gone(tmp_path: Path, cgru_config: RunConfig) -> None:
    run = started(tmp_path / "run", cgru_config)
    trainer = Trainer(run, cgru_config)
    run.path.rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"run is gone; bring it back, then use --resume\.$"):
        trainer.train(lambda progress: None, lambda: False)
    assert not run.path.exists()

"""Training with --tensorboard: stopped, resumed with and without the option, and after the end."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from neuralgpu.rows import read_lines

from ..reporting.event_files import scalars
from .conftest import TINY, RunCli, Start
from .test_interrupts import saved_steps, until


def loss_of(run: Path, seed: int) -> list[tuple[int, float]]:
    """Returns the losses of a seed as the log has them, in the precision of TensorBoard's files."""
    events = read_lines(run / "events.jsonl")
    return [
        (event["step"], float(np.float32(event["loss"])))
        for event in events
        if event.get("seed") == seed and "loss" in event
    ]


def test_a_killed_run_goes_on_with_every_point_once(tmp_path: Path, start_cli: Start, run_cli: RunCli) -> None:
    run = tmp_path / "run"
    process = start_cli("train", *TINY, "--out", run, "--tensorboard")
    until(lambda: len(saved_steps(run)) == 2, process)
    process.kill()
    process.wait()
    killed_at = max(saved_steps(run))
    assert run_cli("train", "--resume", run).status == 0
    for seed in (0, 1):
        found = scalars(run / "tensorboard" / f"seed-{seed}")
        assert [step for step, _ in found["loss"]] == [*range(2, 61, 2)]
        assert found["loss"] == loss_of(run, seed)
        assert all(0 <= waste < 1 for _, waste in found["padding_waste"])
    assert killed_at < 60


def test_the_log_of_a_finished_run_is_written_out(trained: Path, tmp_path: Path, run_cli: RunCli) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    ended = run_cli("train", "--resume", run, "--tensorboard")
    assert (ended.status, ended.out) == (0, "")
    assert scalars(run / "tensorboard" / "seed-1")["loss"] == loss_of(run, 1)


def test_without_the_library(trained: Path, tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    refused = run_cli("train", *TINY, "--out", tmp_path / "run", "--tensorboard")
    assert refused.status == 2
    assert refused.error.endswith('is not installed; install it with: pip install ".[tensorboard]".')
    assert not (tmp_path / "run").exists()

    run = shutil.copytree(trained, tmp_path / "old")
    (run / "tensorboard").mkdir()
    ended = run_cli("train", "--resume", run)
    assert ended.status == 0
    assert ended.err.startswith(f"neuralgpu: {run}/tensorboard is not gone on with: tensorboardX, which writes")

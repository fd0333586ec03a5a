import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from neuralgpu.checkpoint import load_latest
from neuralgpu.cli.interrupts import stop_on_signal
from neuralgpu.devices import cores
from neuralgpu.rows import read_lines

from .conftest import TINY, RunCli, Start


def until(condition: object, process: subprocess.Popen[str]) -> None:
    """Waits for a condition to hold while the process lives."""
    assert callable(condition)
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("the condition never held")


def saved_steps(run: Path) -> list[int]:
    folder = run / "checkpoints"
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.exists() else []


@pytest.mark.skipif(cores() == 1, reason="this process computes on two devices, a new one on one a core")
def test_an_interrupted_run_goes_on_bit_for_bit(
    trained: Path, tmp_path: Path, start_cli: Start, run_cli: RunCli
) -> None:
    run = tmp_path / "run"
    process = start_cli("train", *TINY, "--out", run)
    until(lambda: any(saved_steps(run)), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    stopped = load_latest(run / "checkpoints")[0].step
    assert 2 <= stopped < 60
    assert err.endswith(f"Stopped and saved at step {stopped}. Go on: neuralgpu train --resume {run}\n")

    process = start_cli("train", "--resume", run)
    until(lambda: max(saved_steps(run)) > stopped, process)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "")
    assert stopped < load_latest(run / "checkpoints")[0].step < 60

    assert run_cli("train", "--resume", run).status == 0
    kinds = [event["event"] for event in read_lines(run / "events.jsonl") if event["event"] != "progress"]
    assert kinds == ["start", "interrupt", "resume", "interrupt", "resume", "finish"]

    resumed, uninterrupted = (load_latest(path / "checkpoints")[0] for path in (run, trained))
    assert resumed.step == uninterrupted.step == 60
    assert resumed.arrays.keys() == uninterrupted.arrays.keys()
    for name, array in uninterrupted.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array, err_msg=name)
    times = {"seconds": 0, "compiling": 0, "waited": 0}
    assert {**resumed.state, **times} == {**uninterrupted.state, **times}
    losses = [
        [event["loss"] for event in read_lines(path / "events.jsonl") if event["event"] == "progress"]
        for path in (run, trained)
    ]
    assert losses[0] == losses[1]


def test_the_second_signal_leaves_at_once(tmp_path: Path, start_cli: Start) -> None:
    process = start_cli("train", *TINY, "--set", "model.layers=3", "--out", tmp_path / "run", cached=False)
    assert process.stderr is not None
    assert process.stderr.readline() == "train badd 0/60 compiling\n"
    until(lambda: saved_steps(tmp_path / "run"), process)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    assert process.stderr.readline() == "Stopping after this step; once more leaves at once.\n"
    process.terminate()
    asked = time.monotonic()
    assert process.wait(timeout=60) == 143
    assert time.monotonic() - asked < 1
    assert saved_steps(tmp_path / "run") == [0]


def test_a_signal_is_a_request_inside_and_nothing_new_outside(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_on_signal(lambda: None) as stop:
        stop.plan(lambda: None, patience=None)
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        assert stop.exit_code == 143
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert "once more leaves at once" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["tasks", "evaluate"])
def test_ctrl_c_elsewhere_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, trained: Path, command: str
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("neuralgpu.tasks.find_task", interrupt)
    ended = run_cli(*([command] if command == "tasks" else [command, trained]))
    assert (ended.status, ended.out) == (130, "")
    assert ended.err in ("", "neuralgpu: interrupted.\n")

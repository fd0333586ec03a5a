"""Sweeps on a Ray of their own, whose processes are killed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from neuralgpu.rows import read_lines

from .conftest import SPEC, StartSweep, attempts, planned, saved_steps, weights

UNDISTURBED = Path(__file__).with_name("undisturbed.py")


def until(condition: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = 120) -> None:
    """Waits for a condition to hold while the process lives."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.02)


def same_sweep(one: Path, other: Path) -> None:
    """Holds every row, the events of the training and the last weights of two sweeps against each other."""
    assert (one / "results.jsonl").read_bytes() == (other / "results.jsonl").read_bytes()
    assert weights(one) == weights(other)
    for job in planned(one):
        losses = [
            [(event["step"], event["loss"]) for event in read_lines(sweep / job / "events.jsonl") if "loss" in event]
            for sweep in (one, other)
        ]
        assert losses[0] == losses[1]


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def test_workers_and_head_are_killed_and_every_row_is_there_once(
    start_sweep: StartSweep, spec_file: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    reference, out = tmp_path / "reference", tmp_path / "sweep"
    alone = subprocess.Popen([sys.executable, UNDISTURBED, spec_file, reference], env=environment)
    process = start_sweep(spec_file, "--out", out)
    killed = "badd-fast-4/1"
    until(lambda: max(saved_steps(out / killed), default=0), process)
    os.kill(attempts(out, killed)[-1]["pid"], signal.SIGKILL)
    until(lambda: len(attempts(out, killed)) == 2, process)

    # The command and the process that drives Ray, and with it the head, die at once.
    driver = children(process.pid)
    process.kill()
    for pid in driver:
        os.kill(pid, signal.SIGKILL)
    process.communicate()

    process = start_sweep("--resume", out)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == f"3 of 3 jobs are done; {out}/results.jsonl holds their 6 rows."
    assert alone.wait(timeout=120) == 0
    same_sweep(out, reference)
    assert [(row["run"], row["seed"], row["length"]) for row in read_lines(out / "results.jsonl")] == [
        (f"badd-fast-4/{seed}", seed, length) for seed in range(3) for length in (7, 9)
    ]


@pytest.mark.slow
def test_workers_are_killed_at_random(
    start_sweep: StartSweep, spec_file: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    spec_file.write_text(
        SPEC.replace('["badd"]', '["badd", "bmul"]').replace("[4]", "[4, 5]").replace("steps = 120", "steps = 1500"),
        encoding="utf-8",
    )
    reference, out = tmp_path / "reference", tmp_path / "sweep"
    subprocess.run([sys.executable, UNDISTURBED, spec_file, reference], env=environment, check=True)
    jobs = planned(reference)
    assert len(jobs) == 12
    process = start_sweep(spec_file, "--out", out)
    chosen, kills = random.Random(0), 0
    while process.poll() is None:
        time.sleep(chosen.uniform(1, 4))
        working = [job for job in jobs if attempts(out, job) and not (out / job / "finished.json").exists()]
        if working and kills < 30:
            try:
                os.kill(attempts(out, chosen.choice(working))[-1]["pid"], signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert kills >= 12
    same_sweep(out, reference)
    rows = [(row["run"], row["seed"], row["length"]) for row in read_lines(out / "results.jsonl")]
    assert len(rows) == len(set(rows)) == 24
    print(f"{kills} kills, {sum(len(attempts(out, job)) for job in jobs)} attempts")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_saves_what_runs(
    start_sweep: StartSweep, spec_file: Path, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    spec_file.write_text(SPEC.replace("steps = 120", "steps = 3000").replace("epoch = 20", "epoch = 1000"))
    out = tmp_path / "sweep"
    process = start_sweep(spec_file, "--out", out)
    until(lambda: any(read_lines(out / f"badd-fast-4/{seed}" / "events.jsonl") for seed in range(3)), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == f"Stopped; what ran is saved. Go on: neuralgpu sweep --resume {out}"
    stopped = [job for job in planned(out) if saved_steps(out / job)]
    assert stopped
    kinds = [[event["event"] for event in read_lines(out / job / "events.jsonl")] for job in stopped]
    assert any(of_job[-1] == "interrupt" for of_job in kinds)
    process = start_sweep("--resume", out)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    reference = tmp_path / "reference"
    subprocess.run([sys.executable, UNDISTURBED, spec_file, reference], env=environment, check=True)
    same_sweep(out, reference)


@contextmanager
def cluster(port: int, folder: Path, environment: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Starts a cluster as a user does, and yields what kills all of its processes."""
    ray = Path(sys.executable).with_name("ray")
    options = ["--num-cpus", "2", "--include-dashboard", "false", "--disable-usage-stats", "--temp-dir", str(folder)]
    started = [ray, "start", "--head", "--port", str(port), *options]
    subprocess.run(started, env=environment, check=True, capture_output=True)

    def kill() -> None:
        listed = subprocess.run(["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            if str(folder) in line:
                with suppress(ProcessLookupError):
                    os.kill(int(line.split()[0]), signal.SIGKILL)

    try:
        yield kill
    finally:
        kill()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: those of Ray's sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="ng") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_cluster_s_head_dies_and_is_started_again(
    start_sweep: StartSweep, spec_file: Path, environment: dict[str, str], tmp_path: Path, short_folder: Path
) -> None:
    spec_file.write_text(SPEC.replace("steps = 120", "steps = 3000"), encoding="utf-8")
    reference, out, address = tmp_path / "reference", tmp_path / "sweep", "127.0.0.1:6399"
    with cluster(6399, short_folder / "one", environment) as kill:
        process = start_sweep(spec_file, "--out", out, "--address", address)
        until(
            lambda: any(max(saved_steps(out / job), default=0) for job in (f"badd-fast-4/{seed}" for seed in range(3))),
            process,
        )
        kill()
        killed = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - killed < 45
        assert process.returncode == 1, err
        assert err.splitlines()[-1] == (
            f"The cluster's head no longer answers. Go on: neuralgpu sweep --resume {out} --address {address}"
        )
    refused = start_sweep("--resume", out, "--address", address)
    assert f"No cluster answers at {address}" in refused.communicate(timeout=60)[1]
    with cluster(6399, short_folder / "two", environment):
        process = start_sweep("--resume", out, "--address", address)
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    subprocess.run([sys.executable, UNDISTURBED, spec_file, reference], env=environment, check=True)
    same_sweep(out, reference)


@pytest.mark.slow
def test_a_machine_that_runs_out_of_memory(start_sweep: StartSweep, spec_file: Path, tmp_path: Path) -> None:
    spec_file.write_text(
        SPEC.replace('"0..2"', '"0..1"').replace("steps = 120", "steps = 9000").replace("seeds = 1\n", ""),
        encoding="utf-8",
    )
    out, job = tmp_path / "sweep", "badd-fast-4/0..1"
    total, free = memory()
    room = 2 * 10**9
    limits = {
        "RAY_memory_usage_threshold": f"{(total - free + room) / total:.4f}",
        "RAY_memory_monitor_refresh_ms": "100",
    }
    process = start_sweep(spec_file, "--out", out, **limits)
    until(lambda: max(saved_steps(out / job), default=0), process)
    hog: list[np.ndarray] = []
    while alive(attempts(out, job)[0]["pid"]):
        assert process.poll() is None, process.communicate()
        hog.append(np.ones(10**8 // 8))
    hog.clear()
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert [attempt["cpus"] for attempt in attempts(out, job)] == [2, 1]
    assert len(read_lines(out / "results.jsonl")) == 4


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def memory() -> tuple[int, int]:
    """Returns the machine's bytes, and those of them that are free."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return found["MemTotal"], found["MemAvailable"]

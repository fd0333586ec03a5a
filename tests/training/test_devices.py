"""Several devices and several hosts compute what one device does."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pytest

import neuralgpu
from neuralgpu.checkpoint import load_latest
from neuralgpu.training.placement import placement

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1]),
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}
"""For processes of their own: the package that is tested, and compiling without optimisation, which takes a third."""
PROGRAM = [sys.executable, "-c", "from neuralgpu.cli import main; main()"]


@dataclass(frozen=True)
class StandIn:
    """A device as far as work is divided over it."""

    id: int
    platform: str


def test_seeds_and_batches_are_divided_over_eight_devices() -> None:
    script = Path(__file__).with_name("several_devices.py")
    ended = subprocess.run(
        [sys.executable, str(script), "8", "2", "1"],
        env={**ENVIRONMENT, "JAX_NUM_CPU_DEVICES": "8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(one["seeds"], one["ways"]) for one in found] == [(8, [8, 1]), (2, [2, 4]), (1, [1, 8])]
    for one in found:
        assert one["largest"] > 1
        assert one["apart"] < 1e-5


@pytest.mark.parametrize(
    ("seeds", "devices", "ways"),
    [
        *[(1, 1, (1, 1)), (15, 1, (1, 1)), (1, 2, (1, 2)), (2, 2, (2, 1)), (15, 2, (2, 1))],
        # Three seeds one after the other, each split over two devices, end before two and then one.
        *[(3, 2, (1, 2)), (4, 2, (2, 1)), (3, 8, (3, 2)), (5, 8, (5, 1)), (1121, 8, (8, 1))],
    ],
)
def test_seeds_are_divided_first_and_then_batches(seeds: int, devices: int, ways: tuple[int, int]) -> None:
    stand_ins, on_cores = ([StandIn(number, kind) for number in range(devices)] for kind in ("gpu", "cpu"))
    divided = placement(seeds, 32, stand_ins)
    assert (divided.seed_ways, divided.batch_ways) == ways
    assert divided.slots == -(-seeds // ways[0]) * ways[0], "an accelerator takes all the seeds at once"
    assert placement(seeds, 32, stand_ins, at_once=8).slots <= max(8, ways[0])
    assert placement(seeds, 32, on_cores).slots == ways[0], "a core takes one seed at a time"


def test_a_batch_that_devices_do_not_divide_is_left_to_fewer() -> None:
    assert placement(1, 3, jax.devices("cpu")[:2]).mesh.size == 1


def start(out: Path, *more: str, seeds: int, steps: int, devices: int) -> subprocess.Popen[str]:
    """Starts a small training in a process of its own."""
    settings = ["model.channels=4", "model.height=1", "model.layers=1", "model.copies=2", "batch=4", "epoch=2"]
    lengths = [f"curriculum.{name}" for name in ("buckets=[8]", "max_length=7", "start_length=7")]
    command = [*PROGRAM, "train", "badd", "--preset", "classic", "--seeds", str(seeds), "--steps", str(steps)]
    command += [part for setting in (*settings, *lengths) for part in ("--set", setting)]
    environment = {**ENVIRONMENT, "JAX_NUM_CPU_DEVICES": str(devices)}
    return subprocess.Popen([*command, "--out", str(out), *more], env=environment, stderr=subprocess.PIPE, text=True)


def start_hosts(out: Path, seeds: int, steps: int) -> list[subprocess.Popen[str]]:
    """Starts two processes of one device each, which train together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        start(out, "--distributed", f"{address},2,{number}", seeds=seeds, steps=steps, devices=1) for number in range(2)
    ]


@pytest.mark.parametrize("seeds", [1, 2])
def test_two_hosts_train_what_one_does(tmp_path: Path, seeds: int) -> None:
    hosts = start_hosts(tmp_path / "two", seeds, steps=4)
    messages = [host.communicate(timeout=300)[1] for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], messages
    assert re.search(r"^Next: neuralgpu evaluate", messages[0], re.MULTILINE)
    assert "train badd" not in messages[1], "the second one is silent"
    alone = start(tmp_path / "one", seeds=seeds, steps=4, devices=2)
    assert alone.communicate(timeout=300)[1]
    assert alone.returncode == 0
    arrays = [load_latest(tmp_path / name / "checkpoints")[0].arrays for name in ("one", "two")]
    assert arrays[0][".model.readout"].shape[0] == seeds
    for name, array in arrays[0].items():
        assert np.abs(array - arrays[1][name]).max() < 1e-5
    steps = [
        [json.loads(line)["step"] for line in (tmp_path / name / "events.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert steps[0] == steps[1]


def test_a_signal_to_one_of_two_hosts_saves_and_stops_both(tmp_path: Path) -> None:
    first, second = start_hosts(tmp_path, seeds=2, steps=1_000_000)
    try:
        while first.poll() is None and not list(tmp_path.glob("checkpoints/*[1-9]*")):
            time.sleep(0.01)
        first.send_signal(signal.SIGTERM)
        message = first.communicate(timeout=60)[1]
        assert (first.returncode, second.wait(timeout=60)) == (128 + signal.SIGTERM, 0), message
    finally:
        for host in (first, second):
            host.kill()
            host.communicate()
    assert f"Stopped and saved at step {load_latest(tmp_path / 'checkpoints')[0].step}. " in message

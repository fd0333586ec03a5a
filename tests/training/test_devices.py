"""Several devices and several hosts compute what one device does."""

import json
import os
import re
import socket
import subprocess
import sys
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


@pytest.mark.parametrize("seeds", [1, 2])
def test_two_hosts_train_what_one_does(tmp_path: Path, seeds: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = ["model.channels=4", "model.height=1", "model.layers=1", "model.copies=2", "batch=4", "epoch=2"]
    lengths = [f"curriculum.{name}" for name in ("buckets=[8]", "max_length=7", "start_length=7")]
    command = [*PROGRAM, "train", "badd", "--preset", "classic", "--seeds", str(seeds), "--steps", "4"]
    command += [part for setting in (*settings, *lengths) for part in ("--set", setting)]

    def start(out: str, *more: str, devices: int) -> subprocess.Popen[str]:
        environment = {**ENVIRONMENT, "JAX_NUM_CPU_DEVICES": str(devices)}
        return subprocess.Popen(
            [*command, "--out", str(tmp_path / out), *more], env=environment, stderr=subprocess.PIPE, text=True
        )

    hosts = [start("two", "--distributed", f"{address},2,{number}", devices=1) for number in range(2)]
    messages = [host.communicate(timeout=300)[1] for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], messages
    assert re.search(r"^Next: neuralgpu evaluate", messages[0], re.MULTILINE)
    assert "train badd" not in messages[1], "the second one is silent"
    alone = start("one", devices=2)
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

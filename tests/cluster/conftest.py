"""Tiny sweeps, in processes of their own that share what they compile."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neuralgpu
from neuralgpu.rows import read_lines

SPEC = """
tasks = ["badd"]
preset = "fast"
channels = [4]
seeds = "0..2"
steps = 120

[settings]
epoch = 20
batch = 2
optimiser.schedule = "published"
curriculum = { buckets = [8], max_length = 8, start_length = 8 }

[evaluate]
lengths = [7, 9]
count = 16

[job]
seeds = 1
"""
"""Three jobs of some seconds each; a checkpoint every 20 steps."""

PROGRAM = [sys.executable, "-c", "from neuralgpu.cli import main; main()", "sweep"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1]),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
    "RAY_USAGE_STATS_ENABLED": "0",
}

StartSweep = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**ENVIRONMENT, "NEURALGPU_CACHE": str(tmp_path_factory.mktemp("compiled"))}


@pytest.fixture
def start_sweep(environment: dict[str, str], tmp_path: Path) -> Iterator[StartSweep]:
    """Starts the command in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def attempts(sweep: Path, job: str) -> list[dict[str, Any]]:
    """Returns who has worked on a job."""
    return read_lines(sweep / "attempts" / f"{job}.jsonl")


def planned(sweep: Path) -> list[str]:
    """Returns the names of a sweep's jobs."""
    return [job["name"] for job in json.loads((sweep / "plan.json").read_text(encoding="utf-8"))["jobs"]]


def saved_steps(run: Path) -> list[int]:
    folder = run / "checkpoints"
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []


def weights(sweep: Path) -> dict[str, bytes]:
    """Returns the arrays of the newest checkpoint of each job, byte by byte."""
    newest = {job: max((sweep / job / "checkpoints").glob("[0-9]*")) for job in planned(sweep)}
    return {job: (path / "arrays.safetensors").read_bytes() for job, path in newest.items()}

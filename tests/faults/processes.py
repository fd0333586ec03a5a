"""Command lines and programs of this folder in processes of their own, and what they leave behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neuralgpu
from neuralgpu.checkpoint import Checkpoint, load_latest
from neuralgpu.rows import read_lines

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from neuralgpu.cli import main; main()"]
SMALL_STEPS = 120
SMALL = [
    *("badd", "--preset", "classic", "--seeds", "4", "--steps", str(SMALL_STEPS)),
    *("--set", "epoch=10", "--set", "batch=4", "--set", "model.channels=6", "--set", "model.height=1"),
    *("--set", "model.layers=1", "--set", "model.copies=2", "--set", "curriculum.max_length=9"),
    *(
        "--set",
        "curriculum.min_length=3",
        "--set",
        "curriculum.start_length=4",
        "--set",
        "curriculum.advance_below=1.0",
    ),
]
"""Four seeds whose inputs get longer after every epoch, until they have nine symbols."""
TIMES = {"time", "seconds", "steps_per_second", "compiling", "waited", "compile_seconds", "compile_wait_seconds"}


def environment(folder: Path) -> dict[str, str]:
    """Returns an environment in which programs are compiled quickly, and once for all the trials beside a folder."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(neuralgpu.__file__).parents[1]), str(ROOT)]),
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        "JAX_COMPILATION_CACHE_DIR": str(folder.parent / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def program_of(module: str) -> list[str]:
    """Returns how a module of this folder is started as a program."""
    return [sys.executable, "-m", f"{__package__}.{module}"]


@contextmanager
def started(folder: Path, *arguments: object, program: Sequence[str] = PROGRAM) -> Iterator[subprocess.Popen[str]]:
    """Starts a command line in a folder; it is dead when the context ends."""
    with subprocess.Popen(
        [*program, *map(str, arguments)],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int
    out: str
    err: str


def run(folder: Path, *arguments: object, program: Sequence[str] = PROGRAM) -> Ended:
    """Runs a command line to its end."""
    with started(folder, *arguments, program=program) as process:
        return ended_of(process)


def ended_of(process: subprocess.Popen[str]) -> Ended:
    """Waits for a process to end."""
    out, err = process.communicate(timeout=600)
    return Ended(process.returncode, out, err)


def trained(folder: Path) -> Path:
    """Trains an undisturbed run, once for all the faults beside a folder."""
    path = folder.parent / "undisturbed"
    if not path.exists():
        ended = run(folder, "train", *SMALL, "--out", path)
        assert ended.status == 0, ended.err
    return path


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> bool:
    """Waits for a condition; says whether it held before the process ended."""
    while not condition():
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    return True


def newest_saved(run: Path) -> int:
    """Returns the step of a run's newest checkpoint, -1 where there is none."""
    folder = run / "checkpoints"
    return max((int(path.name) for path in folder.glob("[0-9]*")), default=-1)


def same_state(one: Checkpoint, other: Checkpoint) -> bool:
    """Says whether two states agree in every bit, but for the times that they took."""
    states = [{key: value for key, value in state.items() if key not in TIMES} for state in (one.state, other.state)]
    return (
        one.step == other.step
        and states[0] == states[1]
        and one.arrays.keys() == other.arrays.keys()
        and all(array.tobytes() == other.arrays[name].tobytes() for name, array in one.arrays.items())
    )


def same_run(one: Path, other: Path, stops: frozenset[str] = frozenset({"resume", "interrupt"})) -> bool:
    """Says whether two runs ended in the same state and logged the same, but for times, commands and stops."""
    return same_state(load_latest(one / "checkpoints")[0], load_latest(other / "checkpoints")[0]) and events(
        one, stops
    ) == events(other, stops)


def events(run: Path, without: frozenset[str]) -> list[dict[str, Any]]:
    """Returns what a run logged without the times."""
    return [
        {key: value for key, value in event.items() if key not in {*TIMES, "command"}}
        for event in read_lines(run / "events.jsonl")
        if event["event"] not in without
    ]

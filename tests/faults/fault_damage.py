"""Checkpoints whose files are not as they were written."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from neuralgpu.checkpoint import load_latest, save
from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError
from neuralgpu.run_directory import create_run

from .processes import run as run_program
from .registry import Outcome, fault
from .states import digest, state_at

FILES = ("arrays.safetensors", "state.json", "manifest.json")


def flip(file: Path, rng: random.Random) -> None:
    data = bytearray(file.read_bytes())
    places = (0, 7, 8, len(data) // 2, len(data) - 1, rng.randrange(len(data)), rng.randrange(len(data)))
    data[rng.choice(places)] ^= 1 << rng.randrange(8)
    file.write_bytes(data)


def truncate(file: Path, rng: random.Random) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: rng.randrange(1, len(data))])


def append(file: Path, rng: random.Random) -> None:
    with file.open("ab") as opened:
        opened.write(rng.choice([b"\0", b"\n", b" ", rng.randbytes(rng.randrange(1, 5000))]))


def empty(file: Path, rng: random.Random) -> None:
    file.write_bytes(b"")


def remove(file: Path, rng: random.Random) -> None:
    file.unlink()


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (flip, flip, flip, truncate, append, empty, remove)
"""One bit most often: it is the hardest to see."""


@fault(
    3,
    "a bit flipped, truncated, appended to, emptied, removed, in each file of a checkpoint",
    "detected, the file named, the older one used; exit 3 if none is left",
    short=150,
    full=3000,
)
def damaged_files(trials: int, folder: Path) -> Outcome:
    rng, whole, lost, undetected, commands = random.Random(3), folder / "whole", 0, 0, 0
    run = create_run(folder / "run", RunConfig(task="badd"), force=False)
    for step in (2, 4):
        save(whole, state_at(step))
    for trial in range(trials):
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        shutil.copytree(whole, run.checkpoints)
        none_left = trial % 5 == 4
        files = [
            run.checkpoints / f"{step:08d}" / FILES[(trial + step) % len(FILES)]
            for step in ((2, 4) if none_left else (4,))
        ]
        for file in files:
            rng.choice(DAMAGES)(file, rng)
        try:
            found, warnings = load_latest(run.checkpoints)
        except DamagedRunError as error:
            lost += not none_left
            undetected += not all(str(file) in str(error) for file in files)
        else:
            as_it_should = len(warnings) == 1 and warnings[0].startswith(str(files[0])) and "step 2" in warnings[0]
            undetected += none_left or not as_it_should or digest(found) != digest(state_at(2))
        if trial % 75 in (0, 4):
            commands += 1
            command = ("train", "--resume") if none_left else ("checkpoint", "verify")
            ended = run_program(folder, *command, run.path)
            undetected += ended.status != 3 or not all(str(file) in ended.err for file in files)
    return Outcome(trials, lost, undetected, f"{commands} of them through the command line")

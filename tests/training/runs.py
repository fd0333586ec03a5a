"""Runs of a few steps, and what they leave behind."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.checkpoint import Checkpoint, load_latest
from neuralgpu.config import RunConfig
from neuralgpu.run_directory import RunDirectory, create_run
from neuralgpu.training.loop import Trainer
from neuralgpu.training.standing import Progress

TIMES = {"time", "seconds", "steps_per_second", "compiling", "waited"}


@dataclass
class Ended:
    """What a run left behind."""

    trainer: Trainer
    finished: bool
    progress: list[Progress]
    checkpoint: Checkpoint
    events: list[dict[str, Any]]


def trained(
    run: RunDirectory, config: RunConfig, resumed: Checkpoint | None = None, stop_at: int | None = None
) -> Ended:
    trainer = Trainer(run, config, resumed)
    progress: list[Progress] = []
    finished = trainer.train(progress.append, lambda: trainer.step == stop_at)
    lines = run.events_file.read_text(encoding="utf-8").splitlines()
    events = [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]
    return Ended(trainer, finished, progress, load_latest(run.checkpoints)[0], events)


def same_bits(one: Checkpoint, other: Checkpoint) -> bool:
    assert set(one.arrays) == set(other.arrays)
    arrays = all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)
    states = [{key: value for key, value in state.items() if key not in TIMES} for state in (one.state, other.state)]
    return arrays and one.step == other.step and states[0] == states[1]


def started(path: Path, config: RunConfig) -> RunDirectory:
    run = create_run(path, config, force=False)
    run.append_event("start", 0)
    return run

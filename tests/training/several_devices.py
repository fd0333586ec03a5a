"""Trains the same seeds on one device and on all of this process's; prints how far the runs lie apart.

Run by test_devices.py in a process of its own, whose number of devices it chooses.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from neuralgpu.checkpoint import load_latest
from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.model.config import ModelConfig
from neuralgpu.run_directory import create_run
from neuralgpu.training.loop import Trainer
from neuralgpu.training.placement import placement

CONFIG = RunConfig(
    task="badd",
    steps=8,
    batch=8,
    epoch=4,
    model=ModelConfig(channels=4, height=1, layers=1, copies=2, noise=0.05),
    curriculum=CurriculumConfig(max_length=7, min_length=3, start_length=7, buckets=(8,)),
    optimiser=OptimiserConfig(learning_rate=0.01),
)


def main(counts: list[int]) -> None:
    """Prints a JSON object for each number of seeds."""
    for count in counts:
        config = replace(CONFIG, seeds=tuple(range(count)))
        ended = []
        for devices in (jax.devices(), jax.devices()[:1]):
            run = create_run(Path(tempfile.mkdtemp()) / "run", config, force=False)
            assert Trainer(run, config, devices=devices).train(lambda progress: None, lambda: False)
            ended.append(load_latest(run.checkpoints)[0].arrays)
        divided = placement(count, config.batch)
        apart = max(float(np.abs(array - ended[1][name]).max()) for name, array in ended[0].items())
        largest = max(float(np.abs(array).max()) for array in ended[0].values())
        found = {"seeds": count, "ways": [divided.seed_ways, divided.batch_ways], "apart": apart, "largest": largest}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])

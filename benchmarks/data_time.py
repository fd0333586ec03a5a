"""Time to make a training step's inputs, against the time of the step, for every kind of task.

    python benchmarks/data_time.py [--seeds 15] [--batch 32] [--length 41] [--channels 24] [--json]

The step is the classic preset's for one seed, times the number of seeds: on a CPU seeds take turns. Inputs are made in
a thread beside the step; the target is a share of at most 10%.
"""

import argparse
import json
import statistics
import sys
import timeit
from dataclasses import replace

import jax
import numpy as np

from neuralgpu import devices
from neuralgpu.curriculum import Draw
from neuralgpu.settings import merged, preset_settings, run_config
from neuralgpu.tasks import Task, find_task
from neuralgpu.training.data import step_examples
from neuralgpu.training.objective import Weights
from neuralgpu.training.step import compiled_step, initial_learner

TASKS = (
    *("badd", "baddz", "badde", "baddt", "add", "bsub", "bmul", "mul", "bdiv", "div", "sbaddet", "sbmul"),
    *("3badd", "3bmul", "kbadd", "kbmul", "bexpra", "bexpras", "bexpram", "bexprasm", "bexprasmd", "exprasmd"),
    *("copy", "reverse", "sort", "shift", "incr", "dup", "scopy", "sdup"),
)
LARGEST_SHARE = 0.10


def step_seconds(channels: int, length: int, batch: int, rounds: int) -> float:
    """Returns the median time of a training step of one seed."""
    settings = preset_settings("classic", "addition")
    config = run_config(merged([settings, {"task": "badd", "batch": batch, "model": {"channels": channels}}]))
    task, bucket = find_task("badd"), config.curriculum.bucket_of(length)
    examples = step_examples(config, (task,), config.seeds, [[Draw(0, bucket, {length: batch})]], 0)
    learner, step = initial_learner(config), compiled_step(config)
    weights = Weights(*(np.full(1, number, np.float32) for number in (1e-3, 5e-4, 0.0, 0.0)))

    def run() -> None:
        nonlocal learner
        learner, _ = step(learner, examples, weights)
        jax.block_until_ready(learner)

    run()
    return statistics.median(timeit.repeat(run, number=1, repeat=rounds))


def data_seconds(task: Task, seeds: int, length: int, batch: int, rounds: int) -> float:
    """Returns the median time to make a step's inputs for all seeds, at the longest valid length."""
    longest = max(task.valid_lengths(1, length))
    config = run_config({"task": task.name, "batch": batch, "seeds": list(range(seeds)), "model": {"vocabulary": 64}})
    bucket = config.curriculum.bucket_of(longest)
    config = replace(config, curriculum=replace(config.curriculum, max_length=longest))
    draws = [[Draw(0, bucket, {longest: batch})] for _ in range(seeds)]
    return statistics.median(
        timeit.repeat(lambda: step_examples(config, (task,), config.seeds, draws, 0), number=1, repeat=rounds)
    )


def main() -> None:
    """Prints the table; ends with status 1 if a task misses the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seeds", 15), ("batch", 32), ("length", 41), ("channels", 24), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    devices.configure()
    step = asked.seeds * step_seconds(asked.channels, asked.length, asked.batch, asked.rounds)
    shares: dict[str, float] = {}
    for name in TASKS:
        made = data_seconds(find_task(name), asked.seeds, asked.length, asked.batch, asked.rounds)
        shares[name] = made / step
        if asked.json:
            print(json.dumps({"task": name, "data_seconds": made, "step_seconds": step, "share": shares[name]}))
        else:
            print(f"{name:<10} {1000 * made:8.1f} ms  {shares[name]:7.2%} of a step of {step:.2f} s", flush=True)
    worst = max(shares, key=lambda name: shares[name])
    holds = shares[worst] <= LARGEST_SHARE
    verdict = "holds" if holds else "is missed"
    print(
        f"Largest share: {worst}, {shares[worst]:.2%}; the target, at most {LARGEST_SHARE:.0%}, {verdict}.",
        file=sys.stderr,
    )
    sys.exit(not holds)


if __name__ == "__main__":
    main()

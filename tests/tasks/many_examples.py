"""Holds the samplers to the oracles on many examples: `python many_examples.py COUNT`.

Prints a line for each task: its name, and how many examples of random lengths were right. Ends with an error where
one is wrong. The tasks are spread over the cores.
"""

import multiprocessing
import sys

import numpy as np

from neuralgpu.tasks import find_task, task_names

LONGEST = 41
AT_ONCE = 200


def check(name: str) -> int:
    """Compares target and oracle until enough examples were right; returns their number."""
    task, examples = find_task(name), int(sys.argv[1])
    lengths = task.valid_lengths(1, LONGEST)
    rng = np.random.default_rng(examples)
    checked = 0
    while checked < examples:
        batch = task.sample(rng, int(rng.choice(lengths)), AT_ONCE)
        for grid, target in zip(batch.grid, batch.target, strict=True):
            text = task.decode_input(grid)
            if task.decode(target) != task.solve(text):
                raise ValueError(f"{name} {text}: sampler {task.decode(target)}, oracle {task.solve(text)}")
        checked += AT_ONCE
    return checked


if __name__ == "__main__":
    names = task_names()
    with multiprocessing.get_context("fork").Pool() as pool:
        for name, checked in zip(names, pool.imap(check, names), strict=True):
            print(name, checked, flush=True)

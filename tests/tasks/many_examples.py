"""Holds the samplers to the oracles on many examples: `python many_examples.py COUNT`.

Prints a line for each family of tasks that differ in nothing but their base: the first of their names, and how many
examples of random bases and lengths were right. Ends with an error at the first that is wrong.
"""

import sys

import numpy as np

from neuralgpu.tasks import Task, find_task, task_names

LONGEST = 41
AT_ONCE = 100


def families() -> dict[tuple[object, ...], list[Task]]:
    """Returns the tasks by their class and all settings but the base."""
    found: dict[tuple[object, ...], list[Task]] = {}
    for task in map(find_task, task_names()):
        found.setdefault(kind_of(task), []).append(task)
    return found


def kind_of(task: Task) -> tuple[object, ...]:
    """Returns what tasks of a family have in common."""
    kept = ((name, kind_of(value) if isinstance(value, Task) else value) for name, value in vars(task).items())
    return (type(task).__name__, *(pair for pair in kept if pair[0] != "base"))


def check(family: list[Task], examples: int) -> int:
    """Compares target and oracle until so many examples were right; returns their number."""
    rng = np.random.default_rng(examples)
    checked = 0
    while checked < examples:
        task = family[rng.integers(len(family))]
        length = int(rng.choice(task.valid_lengths(1, LONGEST)))
        batch = task.sample(rng, length, AT_ONCE)
        for grid, target in zip(batch.grid, batch.target, strict=True):
            text = task.decode_input(grid)
            if task.decode(target) != task.solve(text):
                sys.exit(f"{task.name} {text}: the sampler says {task.decode(target)}, the oracle {task.solve(text)}")
        checked += AT_ONCE
    return checked


if __name__ == "__main__":
    for family in families().values():
        print(family[0].name, check(family, int(sys.argv[1])), flush=True)

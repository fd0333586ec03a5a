"""Inputs of training steps and of questions as arrays, made in processes of their own beside the training."""

import numpy as np
from recipes import Asked

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, TaskState, draw
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.tasks import find_task
from neuralgpu.training.tasks import training_tasks

_STREAM, _QUESTION_STREAM = 0x424559, 0x424551

Bucket = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Grids, targets and noise seeds of one bucket, with the seeds along the leading axis."""


def training_buckets(config: RunConfig, opened: int, step: int) -> list[Bucket]:
    """Samples a step's inputs for all the seeds of a recipe at once, in the buckets up to the longest open one.

    Drawn as a run draws them, but from one stream for all the seeds: one by one they take longer than an accelerator
    takes for the step. The stream is the step's, so that recipes are given the same inputs.
    """
    (task,) = training_tasks(config)
    rng, seeds = np.random.default_rng([_STREAM, step]), len(config.seeds)
    state = CurriculumState((TaskState(opened),))
    buckets: list[Bucket] = []
    for drawn in draw(config.curriculum, state, [task.valid_length], rng, config.batch):
        grids = np.zeros((seeds, config.batch, drawn.bucket, task.rows), np.int8)
        targets = np.zeros((seeds, config.batch, drawn.bucket), np.int8)
        filled = 0
        for length, count in drawn.lengths.items():
            batch, places = task.sample(rng, length, seeds * count), slice(filled, filled + count)
            grids[:, places, :length] = batch.grid.reshape(seeds, count, length, -1)
            targets[:, places, :length] = batch.target.reshape(seeds, count, length)
            filled += count
        buckets.append((grids, targets, rng.integers(0, 2**32, (seeds, config.batch), dtype=np.uint32)))
    return buckets


def question_length(task_name: str, asked: Asked) -> int:
    """Returns the length of a question's inputs."""
    return find_suite(asked.suite).length_of(find_task(task_name), asked.size)


def question_arrays(task_name: str, asked: Asked, seed: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns grids and targets of a question, and the length of its inputs, which all have the same."""
    task, suite = find_task(task_name), find_suite(asked.suite)
    if asked.suite == "random":
        batch = task.sample(np.random.default_rng([_QUESTION_STREAM, seed, asked.size]), asked.size, asked.count)
        return batch.grid.astype(np.int8), batch.target.astype(np.int8), asked.size
    length = question_length(task_name, asked)
    rng = np.random.default_rng([_QUESTION_STREAM, seed, length])
    examples = suite.examples(task, asked.size, asked.count, rng)
    grids = np.zeros((len(examples), length, task.rows), np.int8)
    targets = np.zeros((len(examples), length), np.int8)
    for index, example in enumerate(examples):
        grid = task.encode(example.input)
        target = task.encode_output(example.target, len(grid))
        grids[index, : len(grid)], targets[index, : len(target)] = grid, target
    return grids, targets, length

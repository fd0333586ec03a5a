"""The lengths of one task: how they are drawn and how they grow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from neuralgpu.curriculum.config import CurriculumConfig
from neuralgpu.errors import UserError

ValidLength = Callable[[int], bool]


@dataclass(frozen=True)
class TaskState:
    """Where one seed stands with one task."""

    length: int
    """Longest length drawn on purpose, or the longest open bucket."""
    epochs: int = 0
    """Epochs since that length was reached."""
    solved: bool = False
    """Whether the longest inputs were learned."""


def longest(config: CurriculumConfig, valid: ValidLength) -> int:
    """Returns the length at which the curriculum of a task is complete."""
    return max(_lengths(config, valid), default=config.start_length)


def _lengths(config: CurriculumConfig, valid: ValidLength) -> list[int]:
    """Returns all the lengths, or buckets, that a task can reach."""
    if config.kind == "buckets":
        return list(config.training_buckets)
    return list(filter(valid, range(1, config.max_length + 1)))


def first_length(config: CurriculumConfig, valid: ValidLength) -> int:
    """Returns the length, or bucket, that a task starts with."""
    if config.kind == "buckets":
        return max((b for b in config.buckets if b <= config.start_length), default=config.buckets[0])
    # A task whose shortest inputs are longer than the start would never draw one that counts.
    shortest = next(filter(valid, range(config.min_length, config.max_length + 1)), config.start_length)
    return max(config.start_length, shortest)


def after_epoch(config: CurriculumConfig, task: TaskState, valid: ValidLength, sequence_error: float) -> TaskState:
    """Returns where the task stands after an epoch with this sequence error."""
    lengths = _lengths(config, valid)
    shorter = [length for length in lengths if first_length(config, valid) <= length < task.length]
    longer = [length for length in lengths if length > task.length]
    shrinks = config.moves == "revisit_all_and_shrink" and sequence_error > config.shrink_above
    if not longer and shrinks and shorter:
        return TaskState(shorter[-1])
    stayed = replace(task, epochs=task.epochs + 1)
    if sequence_error > config.advance_below:
        return stayed
    return TaskState(longer[0]) if longer else replace(stayed, solved=True)


def grown_length(config: CurriculumConfig, current: int, valid: ValidLength, rng: np.random.Generator) -> int:
    """Draws a length from the published distribution for inputs that have grown to `current`.

    One uniform number goes through the inverse of the distribution function: seeds that are given the same number draw
    lengths as close together as their distributions allow.

    Raises:
        UserError: the task has none that could be drawn.
    """
    lengths = tuple(filter(valid, range(config.min_length, config.max_length + 1)))
    cumulated = _cumulated_chances(config, current, lengths)
    if not cumulated.any():
        raise UserError(f"No valid length of the task lies between {config.min_length} and {config.max_length}.")
    return lengths[int(np.searchsorted(cumulated, rng.random(), side="right"))]


@lru_cache(maxsize=4096)
def _cumulated_chances(config: CurriculumConfig, current: int, lengths: tuple[int, ...]) -> np.ndarray:
    """Returns the chance of a length up to each of `lengths`, which are the valid ones; 0 if none can be drawn.

    Published: the longer of two even draws up to `current` with the chance `prefer_longer`, else one of them; with the
    chance `any_length` the longer of that and an even draw from all lengths; again until it is valid.
    """

    def even(longest: int, upto: np.ndarray) -> np.ndarray:
        return np.clip((upto - config.min_length + 1) / (longest - config.min_length + 1), 0, 1)

    def upto(length: np.ndarray) -> np.ndarray:
        one = even(current, length)
        grown = (1 - config.prefer_longer) * one + config.prefer_longer * one**2
        return grown * (1 - config.any_length + config.any_length * even(config.max_length, length))

    cumulated = np.cumsum(upto(np.array(lengths)) - upto(np.array(lengths) - 1))
    return cumulated / cumulated[-1] if cumulated.any() else cumulated


def bucket_lengths(
    config: CurriculumConfig, bucket: int, valid: ValidLength, rng: np.random.Generator, batch: int
) -> dict[int, int]:
    """Draws the lengths of a bucket's inputs, and returns the number of inputs of each.

    Raises:
        UserError: the task has no inputs that fit.
    """
    fitting = [length for length in range(1, min(bucket, config.max_length) + 1) if valid(length)]
    if not fitting:
        raise UserError(f"No valid length of the task fits the bucket {bucket}; remove it from curriculum.buckets.")
    drawn = np.full(batch, fitting[-1])
    shorter = rng.random(batch) < config.shorter_share
    drawn[shorter] = rng.choice(fitting, size=int(shorter.sum()))
    lengths, counts = np.unique(drawn, return_counts=True)
    return dict(zip(lengths.tolist(), counts.tolist(), strict=True))

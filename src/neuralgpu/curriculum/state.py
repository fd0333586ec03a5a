"""Where a seed stands with its tasks: draw and update, pure functions of settings and state."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralgpu.curriculum.config import CurriculumConfig
from neuralgpu.curriculum.lengths import (
    TaskState,
    ValidLength,
    after_epoch,
    bucket_lengths,
    first_length,
    grown_length,
    longest,
)


@dataclass(frozen=True)
class CurriculumState:
    """Where one seed stands, with each task."""

    tasks: tuple[TaskState, ...]

    @property
    def learning(self) -> int:
        """Number of the task being learned: the first that is not solved, else the last."""
        return next((number for number, task in enumerate(self.tasks) if not task.solved), len(self.tasks) - 1)

    @property
    def length(self) -> int:
        """Length of the task being learned."""
        return self.tasks[self.learning].length

    @property
    def solved(self) -> int:
        """Number of solved tasks."""
        return sum(task.solved for task in self.tasks)


@dataclass(frozen=True)
class Draw:
    """What one bucket of one training step is filled with."""

    task: int
    """Number of the task, from 0."""
    bucket: int
    lengths: dict[int, int]
    """Number of examples of each length."""

    @property
    def longest(self) -> int:
        """Longest length in the draw."""
        return max(self.lengths)


def initial_state(config: CurriculumConfig, valid: Sequence[ValidLength]) -> CurriculumState:
    """Returns the state before the first step.

    Args:
        config: the settings.
        valid: for each task, whether it has inputs of a length.
    """
    return CurriculumState(tuple(TaskState(first_length(config, of_task)) for of_task in valid))


def draw(
    config: CurriculumConfig,
    state: CurriculumState,
    valid: Sequence[ValidLength],
    rng: np.random.Generator,
    batch: int,
) -> list[Draw]:
    """Draws one training step's task and lengths.

    Seeds that are given generators in the same state draw coupled lengths: each has its own published distribution,
    yet they lie close together, so that an ensemble's padding stays small.
    """
    task = _drawn_task(config, state, rng)
    reached, of_task = state.tasks[task].length, valid[task]
    if config.kind == "growth":
        length = grown_length(config, reached, of_task, rng)
        return [Draw(task, config.bucket_of(length), {length: batch})]
    return [
        Draw(task, bucket, bucket_lengths(config, bucket, of_task, rng, batch))
        for bucket in config.training_buckets
        if bucket <= reached
    ]


def update(
    config: CurriculumConfig,
    state: CurriculumState,
    valid: Sequence[ValidLength],
    sequence_errors: Sequence[float | None],
) -> CurriculumState:
    """Moves every task on to its next valid length or bucket whose epoch's sequence error allows it.

    Args:
        config: the settings.
        state: where the seed stood in the epoch.
        valid: for each task, whether it has inputs of a length.
        sequence_errors: for each task, over the epoch's steps with inputs not longer than the task's length; None if
            there were none.
    """
    return CurriculumState(
        tuple(
            task if error is None else after_epoch(config, task, of_task, error)
            for task, of_task, error in zip(state.tasks, valid, sequence_errors, strict=True)
        )
    )


def starts_over(config: CurriculumConfig, state: CurriculumState) -> bool:
    """Says whether a seed has had its epochs for a proving bucket of its first task and did not pass it."""
    first = state.tasks[0]
    proving = config.kind == "buckets" and 0 < config.proving_bucket <= first.length < config.training_buckets[-1]
    return proving and first.epochs >= config.proving_epochs


def complete(config: CurriculumConfig, state: CurriculumState, valid: Sequence[ValidLength]) -> bool:
    """Says whether every task has reached its longest inputs."""
    return all(task.length >= longest(config, of_task) for task, of_task in zip(state.tasks, valid, strict=True))


def _drawn_task(config: CurriculumConfig, state: CurriculumState, rng: np.random.Generator) -> int:
    every = range(len(state.tasks))
    if len(every) == 1:
        return 0
    revisit, place = rng.random(2)
    unsolved = [number for number in every if not state.tasks[number].solved]
    if config.moves == "mixed":
        choices = [*every]
    elif not unsolved:
        choices = [every[-1]] if config.moves in ("in_order", "unsolved_then_last") else [*every]
    elif config.moves == "in_order" or revisit >= config.revisit_share:
        choices = unsolved[:1]
    else:
        choices = [*every] if config.moves in ("revisit_all", "revisit_all_and_shrink") else unsolved
    return choices[int(place * len(choices))]

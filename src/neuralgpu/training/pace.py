"""How long steps take, and what a display shows after one."""

import math
from collections.abc import Sequence

from neuralgpu.tasks import Task
from neuralgpu.training.objective import Examples
from neuralgpu.training.standing import Progress, Standing

Lengths = set[tuple[int, ...]]
"""Padded lengths of the buckets of each group that takes a step."""


def lengths_of(examples: Sequence[tuple[Examples, ...]]) -> Lengths:
    """Returns the lengths that the groups' inputs are padded to."""
    return {tuple(bucket.target.shape[-1] for bucket in of_group) for of_group in examples}


class Pace:
    """The time that this process's steps take."""

    def __init__(self) -> None:
        """Knows nothing before the first step."""
        self._steps = 0
        self._seconds_a_step = 0.0
        self._seconds_of: dict[tuple[int, ...], float] = {}

    def forget_lengths(self) -> None:
        """Forgets what steps of some length take, where the devices are divided anew."""
        self._seconds_of = {}

    def expected(self, lengths: Lengths) -> float:
        """Returns the seconds that a step took last that had such inputs; infinity where there was none."""
        return max((self._seconds_of.get(of_group, math.inf) for of_group in lengths), default=0.0)

    def add(self, lengths: Lengths, seconds: float, waited: float) -> float:
        """Counts a step and returns the steps per second, averaged over some ten; the first two do not count.

        Args:
            lengths: of its inputs.
            seconds: that it took.
            waited: of these the seconds of waiting for the compiler.
        """
        self._seconds_of |= dict.fromkeys(lengths, seconds)
        worked, before = seconds - waited, self._seconds_a_step
        self._seconds_a_step = worked if self._steps < 2 else 0.9 * before + 0.1 * worked
        self._steps += 1
        return 1 / self._seconds_a_step


def progress_of(standing: Standing, tasks: Sequence[Task], last_step: int, rate: float) -> Progress:
    """Returns what a display shows of a run that makes so many steps per second."""
    states = [control.curriculum for control in standing.controls]
    means = [sums[state.learning].means() for sums, state in zip(standing.sums, states, strict=True)]
    return Progress(
        standing.step,
        last_step,
        [tasks[state.learning].name for state in states],
        [state.length for state in states],
        [state.solved for state in states],
        len(tasks),
        [mean.loss if mean else math.nan for mean in means],
        [mean.sequence_error if mean else math.nan for mean in means],
        len(standing.learning),
        standing.epoch_padding.waste,
        rate,
        (last_step - standing.step) / rate,
        dict(standing.diverged),
    )

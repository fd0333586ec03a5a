"""Where a run stands: all of its state that is not an array, and what a display shows of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from neuralgpu.checkpoint import Checkpoint
from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError
from neuralgpu.plain import from_plain
from neuralgpu.training.controls import Controls, EpochStatistics
from neuralgpu.training.objective import Report
from neuralgpu.training.padding import Padding


@dataclass(frozen=True)
class Progress:
    """What a display shows after a step; lists have one entry a seed."""

    step: int
    last_step: int
    """Where training ends, as far as it is known now."""
    tasks: list[str]
    """Tasks being learned."""
    lengths: list[int]
    """Their curriculum lengths."""
    solved: list[int]
    """Numbers of tasks that are solved."""
    task_count: int
    """Number of tasks to be learned."""
    losses: list[float]
    sequence_errors: list[float]
    """Running means over the epoch's steps of these tasks; not a number where there were none."""
    learning: int
    """Number of seeds that still learn."""
    padding_waste: float
    """Share of the cells computed in the epoch so far that nothing depends on."""
    steps_per_second: float
    seconds_left: float
    diverged: Mapping[str, int] = field(default_factory=dict)
    """Seed to the step at which its loss or gradient was no longer finite."""


@dataclass(frozen=True)
class Cost:
    """What a run spent beside its training."""

    compiling: float
    """Seconds of compiling, most of it beside the steps."""
    waited: float
    """Seconds that the run waited for it."""
    padding_waste: float
    """Share of the computed cells that nothing depended on."""


@dataclass
class EpochSums:
    """One seed's running sums for one task since the epoch began."""

    loss: float = 0.0
    sequence_error: float = 0.0
    saturation: float = 0.0
    count: int = 0

    def add(self, reports: tuple[Report, ...], slot: int) -> None:
        """Counts a step of the seed in a slot, given the reports of the buckets that it used."""
        self.loss += fmean(float(report.loss[slot]) for report in reports)
        self.sequence_error += float(reports[-1].sequence_error[slot])
        self.saturation += fmean(float(report.saturation[slot]) for report in reports)
        self.count += 1

    def means(self) -> EpochStatistics | None:
        """Returns the epoch's means, None while nothing was counted."""
        if not self.count:
            return None
        return EpochStatistics(self.loss / self.count, self.sequence_error / self.count, self.saturation / self.count)


def is_finite(reports: tuple[Report, ...], slot: int) -> bool:
    """Says whether loss and gradient of the seed in a slot are numbers."""
    numbers = [
        number[slot] for report in reports for number in (report.loss, report.gradient_norm) if number is not None
    ]
    return all(map(math.isfinite, numbers))


@dataclass
class Standing:
    """All of a run's state that is not an array."""

    step: int
    controls: list[Controls]
    sums: list[list[EpochSums]]
    """For each seed and task."""
    learning: list[int]
    """Places of the seeds that learn in this epoch, in the order in which they are grouped."""
    diverged: dict[str, int] = field(default_factory=dict)
    """Seed to the step at which its loss or gradient was no longer finite."""
    seconds: float = 0.0
    """Time spent in steps, waiting for compilations included."""
    compiling: float = 0.0
    """Seconds of compiling, most of it beside the steps."""
    waited: float = 0.0
    """Of `seconds`, those that the run waited for it."""
    padding: Padding = field(default_factory=Padding)
    """Since the start."""
    epoch_padding: Padding = field(default_factory=Padding)


def standing_of(checkpoint: Checkpoint, config: RunConfig) -> Standing:
    """Returns where the run stood that wrote a checkpoint.

    Raises:
        DamagedRunError: the checkpoint holds something else, or is of other seeds or tasks than the settings.
    """
    try:
        standing: Standing = from_plain(Standing, {"step": checkpoint.step, **checkpoint.state})
    except (ValueError, OverflowError) as error:
        raise DamagedRunError(
            f"The state of step {checkpoint.step} is not one that this version wrote: {error}."
        ) from error
    seeds, tasks = len(config.seeds), len(config.tasks)
    fits = (
        len(standing.controls) == len(standing.sums) == seeds
        and all(len(control.curriculum.tasks) == tasks for control in standing.controls)
        and all(len(of_seed) == tasks for of_seed in standing.sums)
        and len(set(standing.learning)) == len(standing.learning)
        and set(standing.learning) <= set(range(seeds))
        and standing.diverged.keys() <= set(map(str, config.seeds))
    )
    if not fits:
        raise DamagedRunError(
            f"The checkpoint of step {checkpoint.step} does not fit its configuration: it is not of {seeds} seeds and "
            f"{tasks} tasks. Was config.toml edited?"
        )
    return standing

"""What training costs: hours, from measured or assumed times of a step.

A step of a seed is taken to last a + b x operations, on a machine that is kept busy. From steps of two lengths of as
many channels a and b follow; from one, or from an assumed rate, b alone. Sizes without a measurement take the rate of
the nearest one that has. Operations are those of the lengths that the curriculum draws: `costs` takes those that it
draws once it has reached its longest inputs, where a long run spends most of its time, `run_operations` those of a seed
that moves on after every epoch. Judging is not counted; a run that ends early because its seeds are done costs less.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuralgpu.cluster.spec import Cell
from neuralgpu.config import RunConfig
from neuralgpu.cost import STEP_PASSES, operations
from neuralgpu.curriculum import CurriculumState, TaskState, complete, draw, initial_state, longest, update
from neuralgpu.model.config import ModelConfig
from neuralgpu.tasks import find_task
from neuralgpu.training.padding import padded_length

_DRAWS, _DRAWS_AN_EPOCH, _DRAWS_IN_THE_END = 400, 6, 100


@dataclass(frozen=True)
class Step:
    """A measured step of the classic model: how long a machine takes for it, all of its seeds together."""

    channels: int
    length: int
    seeds: int
    seconds: float
    batch: int = 32

    @property
    def operations(self) -> float:
        """Floating-point operations of one seed."""
        return STEP_PASSES * self.batch * operations(ModelConfig(channels=self.channels), self.length)

    @property
    def seconds_a_seed(self) -> float:
        """Time of one seed, while the machine is kept busy with others."""
        return self.seconds / self.seeds


@dataclass(frozen=True)
class Rate:
    """What a step of a seed takes."""

    beside: float
    """Seconds, whatever its size."""
    an_operation: float
    """Seconds for each floating-point operation."""
    source: str

    def seconds(self, operations: float) -> float:
        """Returns the time of a step with so many operations."""
        return self.beside + self.an_operation * operations


@dataclass(frozen=True)
class Cost:
    """What the seeds of one size take together."""

    channels: int
    trainings: int
    hours: float
    source: str


def measured_rates(steps: Sequence[Step]) -> dict[int, Rate]:
    """Returns the rate of each number of channels, from the steps with the most seeds where there are several."""
    found: dict[int, dict[int, Step]] = defaultdict(dict)
    for step in sorted(steps, key=lambda step: step.seeds):
        found[step.channels][step.length] = step
    rates: dict[int, Rate] = {}
    for channels, by_length in found.items():
        short, long = by_length[min(by_length)], by_length[max(by_length)]
        slope = long.seconds_a_seed / long.operations
        if short is not long:
            slope = (long.seconds_a_seed - short.seconds_a_seed) / (long.operations - short.operations)
        beside = max(0.0, long.seconds_a_seed - slope * long.operations)
        rates[channels] = Rate(beside, slope, "measured")
    return rates


def rate_for(channels: int, rates: dict[int, Rate]) -> Rate:
    """Returns a size's own rate, or that of the nearest size."""
    if channels in rates:
        return rates[channels]
    nearest = min(rates, key=lambda other: abs(math.log(other / channels)))
    return Rate(rates[nearest].beside, rates[nearest].an_operation, f"extrapolated from {nearest} channels")


def mean_operations(config: RunConfig) -> float:
    """Returns the operations of a seed's training step, averaged over what its curriculum draws in the end."""
    curriculum, rng = config.curriculum, np.random.default_rng(0)
    valid = [find_task(name).valid_length for name in config.tasks]
    reached = [
        longest(curriculum, of_task) if curriculum.kind == "growth" else curriculum.training_buckets[-1]
        for of_task in valid
    ]
    state = CurriculumState(tuple(TaskState(length, solved=True) for length in reached))
    drawn = [draw(curriculum, state, valid, rng, config.batch) for _ in range(_DRAWS)]
    return statistics.fmean(
        STEP_PASSES * config.batch * sum(operations(config.model, padded_length(config, [one])) for one in of_step)
        for of_step in drawn
    )


def run_operations(config: RunConfig) -> float:
    """Returns the operations of all the steps of a seed that moves on to longer inputs after every single epoch.

    A seed that learns more slowly makes more of its steps on shorter inputs.
    """
    key = (config.curriculum, config.tasks, config.epoch, config.steps, config.batch, config.model.depends_on_padding)
    if key not in _drawn:  # sizes and most variants draw the same lengths
        _drawn[key] = _lengths(config)
    return (
        STEP_PASSES
        * config.batch
        * sum(steps * operations(config.model, length) for length, steps in _drawn[key].items())
    )


_drawn: dict[Hashable, Mapping[int, float]] = {}


def _lengths(config: RunConfig) -> Mapping[int, float]:
    """Returns how many steps have a batch of each padded length, for a seed that moves on after every epoch."""
    curriculum, rng = config.curriculum, np.random.default_rng(0)
    valid = [find_task(name).valid_length for name in config.tasks]
    state, left, found = initial_state(curriculum, valid), config.steps, defaultdict[int, float](float)
    while left > 0:
        ended = complete(curriculum, state, valid)
        steps, draws = (left, _DRAWS_IN_THE_END) if ended else (min(left, config.epoch), _DRAWS_AN_EPOCH)
        for _ in range(draws):
            for one in draw(curriculum, state, valid, rng, config.batch):
                found[padded_length(config, [one])] += steps / draws
        left -= steps
        state = update(curriculum, state, valid, [0.0] * len(valid))
    return found


def costs(cells: Sequence[Cell], rates: dict[int, Rate]) -> list[Cost]:
    """Returns the cost of each size of a grid."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for cell in cells:
        channels = cell.config.model.channels
        seconds = rate_for(channels, rates).seconds(mean_operations(cell.config)) * cell.config.steps
        found[channels].append((len(cell.seeds), len(cell.seeds) * seconds / 3600))
    return [
        Cost(channels, sum(n for n, _ in of), sum(h for _, h in of), rate_for(channels, rates).source)
        for channels, of in sorted(found.items())
    ]

"""Measures training steps, as many sizes as a given time allows."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from neuralgpu.benchmark.matrices import matrix_rate
from neuralgpu.benchmark.sizes import Size
from neuralgpu.benchmark.work import Work, work
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumConfig, Draw
from neuralgpu.training.data import step_examples
from neuralgpu.training.memory import step_bytes
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.placement import placement
from neuralgpu.training.step import Learner, compiled_step, initial_learner
from neuralgpu.training.tasks import training_tasks

_FEWEST, _MOST, _ENOUGH_SECONDS = 2, 50, 1.5
"""Timed steps, and how long they go on."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a training step of one size takes."""

    size: Size
    config: RunConfig
    work: Work
    seconds: tuple[float, ...]
    """Of each timed step."""
    compile_seconds: float
    """What the first step took beyond a later one."""
    data_seconds: float
    """To make a step's inputs on the host, which training does beside the step before."""
    matrix_rate: float
    """Operations a second of matrix products in the same precision, measured right before."""
    memory_bytes: int | None
    """Of a step, by the compiler's analysis; None for a size that tells the growth with the length."""

    @property
    def step_seconds(self) -> float:
        """The median of the timed steps."""
        return statistics.median(self.seconds)

    @property
    def cells_per_second(self) -> float:
        """See `Work.cells`."""
        return self.work.cells / self.step_seconds

    @property
    def share_of_peak(self) -> float:
        """Useful operations a second over those of matrix products."""
        return self.work.operations / self.step_seconds / self.matrix_rate

    @property
    def data_share(self) -> float:
        """Time to make inputs over that of the step."""
        return self.data_seconds / self.step_seconds

    def record(self) -> dict[str, Any]:
        """Returns everything that can be kept as JSON."""
        return {
            "kind": self.size.purpose,
            **asdict(self.size),
            "channels": self.config.model.channels,
            "bucket": self.config.curriculum.buckets[0],
            "step_seconds": self.step_seconds,
            "step_seconds_least": min(self.seconds),
            "steps_timed": len(self.seconds),
            "cells_per_second": self.cells_per_second,
            "useful_operations": self.work.operations,
            "matrix_operations_per_second": self.matrix_rate,
            "share_of_peak": self.share_of_peak,
            "padding": self.work.padding,
            "compile_seconds": self.compile_seconds,
            "memory_bytes": self.memory_bytes,
            "data_seconds": self.data_seconds,
            "data_share": self.data_share,
        }


@dataclass(frozen=True)
class LeftOut:
    """A size that the time did not allow for."""

    size: Size
    seconds: float
    """What it would have taken, by an estimate."""

    def record(self) -> dict[str, Any]:
        """Returns everything that can be kept as JSON."""
        return {"kind": "left_out", **asdict(self.size), "estimated_seconds": self.seconds}


class RepeatedStep:
    """A training step on fixed inputs, taken again and again: of one group of seeds after the other, as in a run."""

    def __init__(self, config: RunConfig) -> None:
        """Makes learners and inputs, which have the length and the bucket that the settings allow; compiles nothing."""
        self.work = work(config, draws(config))
        slots = placement(len(config.seeds), config.batch, at_once=config.group).slots
        starts = range(0, len(config.seeds), slots)
        groups = [replace(config, seeds=config.seeds[start : start + slots]) for start in starts]
        self.examples = [inputs(group) for group in groups]
        # The first weights are the same for all lengths.
        self.learners = [
            _first_learner(replace(group, batch=1, microbatch=0, curriculum=CurriculumConfig(kind="buckets")))
            for group in groups
        ]
        steps = {len(group.seeds): compiled_step(group) for group in groups}
        self._steps = [steps[len(group.seeds)] for group in groups]
        settings = (config.optimiser.learning_rate, config.optimiser.pull, 0.0, config.model.noise)
        self._weights = [
            Weights(*(np.full(len(group.seeds), setting, np.float32) for setting in settings)) for group in groups
        ]

    def begin(self) -> None:
        """Takes a step without waiting for it."""
        calls = zip(self._steps, self.learners, self.examples, self._weights, strict=True)
        self.learners = [step(learner, (examples,), weights)[0] for step, learner, examples, weights in calls]

    def __call__(self) -> float:
        """Takes a step, waits for it and returns its time in seconds."""
        started = time.perf_counter()
        self.begin()
        jax.block_until_ready(self.learners)
        return time.perf_counter() - started


def draws(config: RunConfig) -> list[Draw]:
    """Returns what each seed draws where the settings allow one length and one bucket."""
    lengths = config.curriculum
    return [Draw(0, lengths.buckets[0], {lengths.max_length: config.batch}) for _ in config.seeds]


def inputs(config: RunConfig) -> Examples:
    """Samples the inputs of a step whose settings allow one length and one bucket."""
    drawn = [[of_seed] for of_seed in draws(config)]
    return step_examples(config, training_tasks(config), config.seeds, drawn, 0)[0]


@lru_cache(maxsize=4)
def _first_learner(config: RunConfig) -> Learner:
    """Returns the seeds' first weights on the host: steps use up what they are given."""
    return jax.device_get(initial_learner(config))


def measured(size: Size) -> Measured:
    """Measures one size.

    Raises:
        UserError: the size is not possible.
    """
    config = size.config()
    rate = matrix_rate(size.compute)
    step = RepeatedStep(config)
    first, seconds = step(), []
    while len(seconds) < _FEWEST or (sum(seconds) < _ENOUGH_SECONDS and len(seconds) < _MOST):
        seconds.append(step())
    made: list[float] = []
    for _ in range(_FEWEST + 1):
        started = time.perf_counter()
        inputs(config)
        made.append(time.perf_counter() - started)
    return Measured(
        size=size,
        config=config,
        work=step.work,
        seconds=tuple(seconds),
        compile_seconds=max(0.0, first - statistics.median(seconds)),
        data_seconds=statistics.median(made),
        matrix_rate=rate,
        memory_bytes=step_bytes(config) if size.purpose == "step" else None,
    )


def measured_within(
    sizes: Sequence[Size], seconds: float, watch: Callable[[int, Size], None]
) -> Iterator[Measured | LeftOut]:
    """Measures sizes, those with the least work first, and leaves out what would take beyond the given time.

    What a size takes is estimated from those before it: their longest time beside the timed steps, and the most
    operations a second. Each may still take longer than that.

    Args:
        watch: is told how many sizes are done and which one comes.
    """
    begun, beside, rate = time.perf_counter(), 0.0, 0.0
    works = {size: _operations(size.config()) for size in sizes}
    for number, size in enumerate(sorted(sizes, key=works.__getitem__)):
        watch(number, size)
        started = time.perf_counter()
        estimate = beside + (1 + _FEWEST) * works[size] / rate if rate else 0.0
        if started + estimate > begun + seconds:
            yield LeftOut(size, estimate)
            continue
        found = measured(size)
        beside = max(beside, time.perf_counter() - started - sum(found.seconds) - found.step_seconds)
        rate = max(rate, found.work.operations / found.step_seconds)
        yield found


def _operations(config: RunConfig) -> float:
    return work(config, draws(config)).operations

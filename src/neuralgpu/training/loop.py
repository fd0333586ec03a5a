"""The training run: epochs of steps, controls between them, checkpoints, a clean stop at any step."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

import jax
import numpy as np

from neuralgpu.checkpoint import Checkpoint, named_arrays, save, with_arrays
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, Draw
from neuralgpu.errors import UserError
from neuralgpu.run_directory import RunDirectory
from neuralgpu.tasks.task import Task
from neuralgpu.training.controls import (
    Controls,
    EpochStatistics,
    after_epoch,
    initial_controls,
    last_step,
    learning_rate,
)
from neuralgpu.training.data import made_ahead, step_draws, step_examples
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.step import compiled_step, initial_learner, restarted, with_averaged_copies


@dataclass(frozen=True)
class Progress:
    """What a display shows after a step; lists have one entry a seed."""

    step: int
    last_step: int
    """Where training ends, as far as it is known now."""
    lengths: list[int]
    """Curriculum lengths."""
    losses: list[float]
    sequence_errors: list[float]
    """Running means over the epoch; not a number for seeds that are done or diverged."""
    steps_per_second: float
    seconds_left: float


@dataclass
class EpochSums:
    """One seed's running sums since the epoch began."""

    loss: float = 0.0
    sequence_error: float = 0.0
    saturation: float = 0.0
    count: int = 0

    def means(self) -> EpochStatistics | None:
        """Returns the epoch's means, None while nothing was counted."""
        if not self.count:
            return None
        return EpochStatistics(self.loss / self.count, self.sequence_error / self.count, self.saturation / self.count)


@dataclass
class _Standing:
    """All of a run's state that is not an array."""

    step: int
    seconds: float
    controls: list[Controls]
    sums: list[EpochSums]
    diverged: dict[str, int] = field(default_factory=dict)
    """Seed to the step at which its loss was no longer finite."""


class Trainer:
    """A run in progress."""

    def __init__(self, run: RunDirectory, config: RunConfig, task: Task, resumed: Checkpoint | None = None) -> None:
        """Starts at the beginning, or where the checkpoint stands.

        Raises:
            DamagedRunError: the checkpoint does not fit the settings.
        """
        self._run, self._config, self._task = run, config, task
        self._learner = initial_learner(config)
        count = len(config.seeds)
        self._standing = _Standing(
            0, 0.0, [initial_controls(config) for _ in range(count)], [EpochSums() for _ in range(count)]
        )
        if resumed is not None:
            self._learner = with_arrays(self._learner, resumed.arrays)
            self._standing = _standing_from_state(resumed)
            run.forget_events_after(resumed.step)
        self._compiled = compiled_step(config)
        self._steps_here = 0
        self._seconds_a_step: float | None = None

    @property
    def step(self) -> int:
        """Number of steps made."""
        return self._standing.step

    @property
    def last_step(self) -> int:
        """Number of steps after which the run ends, as far as it is known now."""
        return max(last_step(self._config, control) for control in self._standing.controls)

    @property
    def seconds(self) -> float:
        """Time spent in training steps so far, over all resumptions."""
        return self._standing.seconds

    @property
    def diverged(self) -> dict[str, int]:
        """Seeds whose loss is no longer finite, with the step of it."""
        return self._standing.diverged

    def train(self, watch: Callable[[Progress], None], stop_requested: Callable[[], bool]) -> bool:
        """Trains until the last step or until asked to stop; saves at every epoch's end and before it returns.

        Returns:
            Whether the last step was made.

        Raises:
            UserError: every seed's loss became infinite or not a number.
            StorageError: a checkpoint cannot be written.
        """
        config, standing = self._config, self._standing
        while standing.step < self.last_step:
            epoch_end = min((standing.step // config.epoch + 1) * config.epoch, self.last_step)
            with made_ahead(self._make, range(standing.step, epoch_end)) as examples:
                for draws, buckets in examples:
                    self._advance(draws, buckets, watch)
                    if stop_requested() and standing.step < epoch_end:
                        self.save()
                        return False
            self._end_epoch()
            self.save()
            if len(standing.diverged) == len(config.seeds):
                raise UserError(
                    f"The loss of every seed was no longer finite (first at step {min(standing.diverged.values())}); "
                    "lower optimiser.learning_rate with --set."
                )
            if stop_requested():
                return standing.step >= self.last_step
        return True

    def save(self) -> None:
        """Writes a checkpoint of this moment."""
        state = asdict(self._standing)
        step = state.pop("step")
        save(self._run.checkpoints, Checkpoint(step, named_arrays(self._learner), state))

    def _make(self, step: int) -> tuple[list[list[Draw]], tuple[Examples, ...]]:
        draws = step_draws(self._config, self._task, self._standing.controls, step)
        return draws, step_examples(self._config, self._task, draws, step)

    def _advance(
        self, draws: list[list[Draw]], buckets: tuple[Examples, ...], watch: Callable[[Progress], None]
    ) -> None:
        standing = self._standing
        started = time.perf_counter()
        self._learner, reports = self._compiled(self._learner, buckets, self._weights())
        reports: tuple[Report, ...] = jax.device_get(reports)
        duration = time.perf_counter() - started
        standing.step += 1
        standing.seconds += duration
        for index, sums in enumerate(standing.sums):
            self._count(sums, index, draws[index], reports)
        means = [sums.means() for sums in standing.sums]
        rate = self._smoothed_rate(duration)
        watch(
            Progress(
                standing.step,
                self.last_step,
                [control.curriculum.length for control in standing.controls],
                [mean.loss if mean else math.nan for mean in means],
                [mean.sequence_error if mean else math.nan for mean in means],
                rate,
                (self.last_step - standing.step) / rate,
            )
        )

    def _weights(self) -> Weights:
        standing, config = self._standing, self._config
        count = len(config.seeds)
        return Weights(
            np.array([learning_rate(config, control, standing.step) for control in standing.controls], np.float32),
            np.array([control.pull for control in standing.controls], np.float32),
            np.array([control.saturation_weight for control in standing.controls], np.float32),
            np.full(count, config.model.noise, np.float32),
        )

    def _count(self, sums: EpochSums, index: int, draws: list[Draw], reports: tuple[Report, ...]) -> None:
        if not draws:
            return
        reports = reports[: len(draws)]
        loss = fmean(float(report.loss[index]) for report in reports)
        if not math.isfinite(loss):
            self._standing.diverged.setdefault(str(self._config.seeds[index]), self._standing.step)
        elif max(draw.longest for draw in draws) <= self._standing.controls[index].curriculum.length:
            sums.loss += loss
            sums.sequence_error += float(reports[-1].sequence_error[index])
            sums.saturation += fmean(float(report.saturation[index]) for report in reports)
            sums.count += 1

    def _smoothed_rate(self, duration: float) -> float:
        """Returns steps per second, averaged over some ten steps; the first, which compiles, does not count."""
        before = self._seconds_a_step
        self._seconds_a_step = duration if before is None or self._steps_here < 2 else 0.9 * before + 0.1 * duration
        self._steps_here += 1
        return 1 / self._seconds_a_step

    def _end_epoch(self) -> None:
        standing, config = self._standing, self._config
        average = np.zeros(len(config.seeds), bool)
        for index, (seed, sums) in enumerate(zip(config.seeds, standing.sums, strict=True)):
            means, control = sums.means(), standing.controls[index]
            if means is None:
                continue
            self._run.append_event(
                "progress",
                standing.step,
                seed=seed,
                length=control.curriculum.length,
                loss=means.loss,
                sequence_error=means.sequence_error,
                learning_rate=learning_rate(config, control, standing.step - 1),
                seconds=round(standing.seconds, 2),
                steps_per_second=round(standing.step / standing.seconds, 3),
            )
            following, average[index] = after_epoch(config, control, means, self._task.valid_length, standing.step)
            if control.learned_at is None and following.learned_at is not None:
                self._run.append_event("learned", standing.step, seed=seed, sequence_error=means.sequence_error)
            if following.attempt > control.attempt:
                self._run.append_event("restart", standing.step, seed=seed, length=control.curriculum.length)
                self._learner = restarted(self._learner, config, index, following.attempt)
            standing.controls[index] = following
        if average.any():
            self._learner = with_averaged_copies(self._learner, average)
        standing.sums = [EpochSums() for _ in config.seeds]


def _standing_from_state(checkpoint: Checkpoint) -> _Standing:
    state: dict[str, Any] = dict(checkpoint.state)
    controls = [
        Controls(
            **{
                **control,
                "curriculum": CurriculumState(**control["curriculum"]),
                "history": tuple(control["history"]),
            }
        )
        for control in state["controls"]
    ]
    return _Standing(
        checkpoint.step, state["seconds"], controls, [EpochSums(**sums) for sums in state["sums"]], state["diverged"]
    )

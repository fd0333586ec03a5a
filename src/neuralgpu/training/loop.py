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
from neuralgpu.curriculum import CurriculumState, Draw, TaskState
from neuralgpu.errors import UserError
from neuralgpu.run_directory import RunDirectory
from neuralgpu.training.controls import (
    Controls,
    EpochStatistics,
    after_epoch,
    epoch_told,
    initial_controls,
    last_step,
    learning_rate,
    noise,
)
from neuralgpu.training.data import made_ahead, step_draws, step_examples, training_tasks
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.step import compiled_step, initial_learner, restarted, with_averaged_copies


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
    steps_per_second: float
    seconds_left: float


@dataclass
class EpochSums:
    """One seed's running sums for one task since the epoch began."""

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
    sums: list[list[EpochSums]]
    """For each seed and task."""
    diverged: dict[str, int] = field(default_factory=dict)
    """Seed to the step at which its loss was no longer finite."""


class Trainer:
    """A run in progress."""

    def __init__(self, run: RunDirectory, config: RunConfig, resumed: Checkpoint | None = None) -> None:
        """Starts at the beginning, or where the checkpoint stands.

        Raises:
            DamagedRunError: the checkpoint does not fit the settings.
        """
        self._run, self._config = run, config
        self._tasks = training_tasks(config)
        self._valid = [task.valid_length for task in self._tasks]
        self._learner = initial_learner(config)
        controls = [initial_controls(config, self._valid) for _ in config.seeds]
        self._standing = _Standing(0, 0.0, controls, self._no_sums())
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
        draws = step_draws(self._config, self._tasks, self._standing.controls, step)
        return draws, step_examples(self._config, self._tasks, draws, step)

    def _no_sums(self) -> list[list[EpochSums]]:
        return [[EpochSums() for _ in self._tasks] for _ in self._config.seeds]

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
        for index, of_seed in enumerate(draws):
            self._count(index, of_seed, reports)
        states = [control.curriculum for control in standing.controls]
        means = [sums[state.learning].means() for sums, state in zip(standing.sums, states, strict=True)]
        rate = self._smoothed_rate(duration)
        watch(
            Progress(
                standing.step,
                self.last_step,
                [self._tasks[state.learning].name for state in states],
                [state.length for state in states],
                [state.solved for state in states],
                len(self._tasks),
                [mean.loss if mean else math.nan for mean in means],
                [mean.sequence_error if mean else math.nan for mean in means],
                rate,
                (self.last_step - standing.step) / rate,
            )
        )

    def _weights(self) -> Weights:
        standing, config = self._standing, self._config
        return Weights(
            np.array([learning_rate(config, control, standing.step) for control in standing.controls], np.float32),
            np.array([control.pull for control in standing.controls], np.float32),
            np.array([control.saturation_weight for control in standing.controls], np.float32),
            np.array([noise(config, control, standing.step) for control in standing.controls], np.float32),
        )

    def _count(self, index: int, draws: list[Draw], reports: tuple[Report, ...]) -> None:
        if not draws:
            return
        task = draws[0].task
        sums = self._standing.sums[index][task]
        reports = reports[: len(draws)]
        loss = fmean(float(report.loss[index]) for report in reports)
        if not math.isfinite(loss):
            self._standing.diverged.setdefault(str(self._config.seeds[index]), self._standing.step)
        elif max(draw.longest for draw in draws) <= self._standing.controls[index].curriculum.tasks[task].length:
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
            statistics, control = [of_task.means() for of_task in sums], standing.controls[index]
            if not any(statistics):
                continue
            following, average[index] = after_epoch(config, control, statistics, self._valid, standing.step)
            self._log_epoch(seed, control, following, statistics)
            if control.learned_at is None and following.learned_at is not None:
                self._run.append_event("learned", standing.step, seed=seed)
            if following.attempt > control.attempt:
                self._run.append_event("restart", standing.step, seed=seed, length=control.curriculum.length)
                self._learner = restarted(self._learner, config, index, following.attempt)
            standing.controls[index] = following
        if average.any():
            self._learner = with_averaged_copies(self._learner, average)
        standing.sums = self._no_sums()

    def _log_epoch(
        self, seed: int, control: Controls, following: Controls, statistics: list[EpochStatistics | None]
    ) -> None:
        """Writes the epoch of the task being learned, and what the epoch's end changed for any task."""
        standing, before, after = self._standing, control.curriculum, following.curriculum
        told, means = epoch_told(before, statistics)
        others = {
            task.name: {"length": state.length, "sequence_error": of_task.sequence_error}
            for number, (task, state, of_task) in enumerate(zip(self._tasks, before.tasks, statistics, strict=True))
            if of_task is not None and number != told
        }
        self._run.append_event(
            "progress",
            standing.step,
            seed=seed,
            task=self._tasks[told].name,
            length=before.tasks[told].length,
            loss=means.loss,
            sequence_error=means.sequence_error,
            solved=before.solved,
            **({"others": others} if others else {}),
            learning_rate=learning_rate(self._config, control, standing.step - 1),
            seconds=round(standing.seconds, 2),
            steps_per_second=round(standing.step / standing.seconds, 3),
        )
        for task, old, new in zip(self._tasks, before.tasks, after.tasks, strict=True):
            if len(self._tasks) > 1 and new.solved and not old.solved:
                self._run.append_event("solved", standing.step, seed=seed, task=task.name)


def _standing_from_state(checkpoint: Checkpoint) -> _Standing:
    state: dict[str, Any] = dict(checkpoint.state)
    controls = [
        Controls(
            **{
                **control,
                "curriculum": CurriculumState(
                    tuple(TaskState(**of_task) for of_task in control["curriculum"]["tasks"])
                ),
                "history": tuple(control["history"]),
            }
        )
        for control in state["controls"]
    ]
    sums = [[EpochSums(**of_task) for of_task in of_seed] for of_seed in state["sums"]]
    return _Standing(checkpoint.step, state["seconds"], controls, sums, state["diverged"])

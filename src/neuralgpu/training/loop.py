"""The training run: epochs of steps, controls between them, checkpoints, a clean stop at any step."""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from typing import Any

import jax
import numpy as np

from neuralgpu.checkpoint import Checkpoint
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import Draw
from neuralgpu.errors import UserError
from neuralgpu.named_arrays import named_arrays, with_arrays
from neuralgpu.run_directory import RunDirectory
from neuralgpu.training.compilation import Compiler
from neuralgpu.training.controls import after_epoch, initial_controls, last_step
from neuralgpu.training.data import made_ahead
from neuralgpu.training.ensemble import Ensemble
from neuralgpu.training.epoch_events import epoch_events
from neuralgpu.training.inputs import InputMaker, Inputs
from neuralgpu.training.objective import Examples, Report
from neuralgpu.training.pace import Pace, lengths_of, progress_of
from neuralgpu.training.padding import Padding
from neuralgpu.training.placement import agreed
from neuralgpu.training.safety import Safety, check_disk
from neuralgpu.training.shortage import at_once_text, is_out_of_memory, smaller
from neuralgpu.training.standing import Cost, EpochSums, Progress, Standing, is_finite, standing_of
from neuralgpu.training.step import Learner, initial_learner, learner_shapes, restarted, with_averaged_copies
from neuralgpu.training.tasks import training_tasks

_LONG_STEP = 2.0
"""Seconds from which on a step is long: the state before it is kept, so that nobody who leaves has to wait for it."""


class Trainer:
    """A run in progress."""

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        resumed: Checkpoint | None = None,
        compiler: Compiler | None = None,
        devices: Sequence[Any] | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Starts at the beginning, or where the checkpoint stands.

        Args:
            run: where checkpoints and events go.
            config: the run's settings.
            resumed: state to go on from.
            compiler: compiles the steps; one that other runs with the same model have used has done so already.
            devices: what to train on; all there are, of every process, when None.
            tell: is told what a user should know, in a sentence.

        Raises:
            DamagedRunError: the checkpoint does not fit the settings.
            StorageError: the run's checkpoints cannot be written, or do not fit onto the disk.
        """
        self._run, self._config, self._devices, self._tell = run, config, devices, tell
        if run.writable:
            check_disk(run, config)
        self._pace = Pace()
        self._tasks = training_tasks(config)
        self._valid = [task.valid_length for task in self._tasks]
        self._compiler = compiler or Compiler()
        self._compiled_before = self._compiler.seconds, self._compiler.waited
        if resumed is None:
            controls = [initial_controls(config, self._valid) for _ in config.seeds]
            self._standing = Standing(0, controls, self._no_sums(), [*range(len(config.seeds))])
        else:
            self._standing = standing_of(resumed, config)
        self._divide()
        self._compile_ahead()
        started = time.perf_counter()
        learner = initial_learner(config) if resumed is None else self._learner_of(resumed)
        if resumed is not None:
            run.forget_events_after(resumed.step)
        self._ensemble.load(learner, self._ensemble.grouped(self._standing.learning))
        # Drawing the first weights takes hardly longer than to compile that.
        self._standing.seconds += time.perf_counter() - started
        self._standing.waited += time.perf_counter() - started
        self._safety = Safety(run, self._state(), saved=resumed is not None)

    @property
    def step(self) -> int:
        """Number of steps made."""
        return self._standing.step

    @property
    def last_step(self) -> int:
        """Number of steps after which the run ends, as far as it is known now; seeds that have diverged make none."""
        standing = self._standing
        ends = [
            last_step(self._config, control)
            for seed, control in zip(self._config.seeds, standing.controls, strict=True)
            if str(seed) not in standing.diverged
        ]
        return max(ends, default=standing.step)

    @property
    def seconds(self) -> float:
        """Time spent in training steps so far, over all resumptions."""
        return self._standing.seconds

    @property
    def cost(self) -> Cost:
        """What was spent beside training, over all resumptions."""
        standing = self._standing
        return Cost(standing.compiling, standing.waited, standing.padding.waste)

    @property
    def diverged(self) -> dict[str, int]:
        """Seeds whose loss or gradient is no longer finite, with the step of it."""
        return self._standing.diverged

    def train(self, watch: Callable[[Progress], None], stop_requested: Callable[[], bool]) -> bool:
        """Trains until the last step or until asked to stop; saves at every epoch's end and before it returns.

        Returns:
            Whether the last step was made.

        Raises:
            UserError: every seed's loss became infinite or not a number.
            StorageError: a checkpoint cannot be written.
        """
        try:
            if self._safety.saved is None:
                self.save()
            while self._standing.step < self.last_step:
                shortage = None
                try:
                    if self._epoch(watch, stop_requested):
                        return self._standing.step >= self.last_step
                except (jax.errors.JaxRuntimeError, MemoryError) as error:
                    if jax.process_count() > 1 or not is_out_of_memory(error):
                        raise
                    shortage = str(error)  # the error itself holds the arrays of the step
                if shortage is not None:
                    self._go_on_smaller(shortage)
            return True
        finally:
            self._safety.end()

    def save(self) -> None:
        """Writes a checkpoint of this moment."""
        self._safety.save(self._state())

    def abandon(self) -> int | None:
        """Saves the newest whole state from another thread, in place of a training that is in the middle of a step.

        That is the state before this step, where the step could be expected to be long, else that of the epoch's start.
        The training writes nothing afterwards; the caller has to end the process.

        Returns:
            The step that was saved, or None where `train` has come to its own end.

        Raises:
            StorageError: a checkpoint cannot be written.
        """
        return self._safety.abandon()

    def _epoch(self, watch: Callable[[Progress], None], stop_requested: Callable[[], bool]) -> bool:
        """Trains until the epoch's end, or until asked to stop; returns whether training is to end here."""
        config, standing = self._config, self._standing
        epoch_end = min((standing.step // config.epoch + 1) * config.epoch, self.last_step)
        with made_ahead(self._inputs.make, range(standing.step, epoch_end)) as made:
            for inputs in made:
                self._advance(inputs, watch)
                if agreed(stop_requested()) and standing.step < epoch_end:
                    self.save()
                    return True
        with self._safety.writing:
            self._end_epoch()
            self.save()
        if len(standing.diverged) == len(config.seeds):
            raise UserError(
                f"The loss of every seed was no longer finite (first at step {min(standing.diverged.values())}); "
                "lower optimiser.learning_rate with --set."
            )
        if agreed(stop_requested()):
            return True
        self._compile_ahead()
        return False

    def _state(self) -> Checkpoint:
        state = asdict(self._standing)
        return Checkpoint(state.pop("step"), named_arrays(self._ensemble.learner()), state)

    def _learner_of(self, state: Checkpoint) -> Learner:
        return with_arrays(learner_shapes(self._config, len(self._config.seeds)), state.arrays)

    def _divide(self) -> None:
        """Divides the devices as the settings have it, before the ensemble is loaded."""
        self._ensemble = Ensemble(self._config, self._compiler, self._devices)
        self._inputs = InputMaker(self._config, self._tasks, self._standing, self._ensemble)
        self._pace.forget_lengths()

    def _go_on_smaller(self, shortage: str) -> None:
        """Goes back to the newest whole state, and on from there with fewer seeds or inputs at once.

        Raises:
            UserError: there is nothing to be split.
        """
        found = smaller(self._config, self._ensemble.divided)
        if found is None:
            raise UserError(
                "One seed alone, one input at once, does not fit into memory "
                f"({shortage.splitlines()[0]}); use --memory treeverse:8 or a smaller model."
            )
        state, self._config = self._safety.state, found
        with self._safety.writing:
            if state.step != self._safety.saved:
                self._safety.save(state)
            self._run.write_config(found)
            self._run.forget_events_after(state.step)
            self._run.append_event("memory", state.step, group=found.group, microbatch=found.microbatch, error=shortage)
        self._tell(
            f"Step {self._standing.step + 1} did not fit into memory: going on from step {state.step} with "
            f"{at_once_text(found)} at once."
        )
        self._standing = standing_of(deepcopy(state), self._config)
        self._divide()
        self._ensemble.load(self._learner_of(state), self._ensemble.grouped(self._standing.learning))
        self._compile_ahead()

    def _compile_ahead(self) -> None:
        """Asks for the programs of this epoch, of the next bucket, and of the size that the ensemble will shrink to."""
        config, standing = self._config, self._standing
        epoch_end = (standing.step // config.epoch + 1) * config.epoch
        groups = self._ensemble.grouped(standing.learning)
        needed = self._inputs.signatures(groups, range(standing.step, min(epoch_end, self.last_step)))
        if config.curriculum.kind == "buckets" and needed:
            needed.append(config.curriculum.training_buckets[: max(map(len, needed)) + 1])
        for learning in filter(None, (standing.learning, self._inputs.learning(epoch_end))):
            self._ensemble.compile_ahead(len(learning), needed)

    def _no_sums(self) -> list[list[EpochSums]]:
        return [[EpochSums() for _ in self._tasks] for _ in self._config.seeds]

    def _advance(self, inputs: Inputs, watch: Callable[[Progress], None]) -> None:
        standing = self._standing
        started, waited_before = time.perf_counter(), self._compiler.waited
        groups = self._ensemble.groups
        examples = [
            tuple(map(partial(self._used, group), of)) for group, of in zip(groups, inputs.examples, strict=True)
        ]
        lengths = lengths_of(examples)
        if self._pace.expected(lengths) > _LONG_STEP and jax.process_count() == 1:
            self._safety.state = self._state()
        weights = [self._inputs.weights(group) for group in groups]
        reports = self._ensemble.step(examples, weights)
        duration = time.perf_counter() - started
        standing.step += 1
        standing.seconds += duration
        standing.padding += inputs.padding
        standing.epoch_padding += inputs.padding
        with self._safety.writing:
            for group, of_group in zip(groups, reports, strict=True):
                for slot, index in enumerate(group):
                    self._count(index, inputs.draws[index], slot, of_group)
        self._count_compiling()
        rate = self._pace.add(lengths, duration, self._compiler.waited - waited_before)
        watch(progress_of(standing, self._tasks, self.last_step, rate))

    def _used(self, group: list[int], examples: Examples) -> Examples:
        """Returns a group's examples without the use of those that its diverged seeds have."""
        used, seeds = np.array(examples.used), [str(self._config.seeds[index]) for index in group]
        used[: len(group)] *= [seed not in self._standing.diverged for seed in seeds]
        return examples._replace(used=used)

    def _count(self, index: int, draws: list[Draw], slot: int, reports: tuple[Report, ...]) -> None:
        standing, seed = self._standing, str(self._config.seeds[index])
        if not draws or seed in standing.diverged:
            return
        task, reports = draws[0].task, reports[: len(draws)]
        if not is_finite(reports, slot):
            standing.diverged[seed] = standing.step
            self._run.append_event("diverged", standing.step, seed=self._config.seeds[index])
        elif max(draw.longest for draw in draws) <= standing.controls[index].curriculum.tasks[task].length:
            standing.sums[index][task].add(reports, slot)

    def _count_compiling(self) -> None:
        seconds, waited = self._compiler.seconds, self._compiler.waited
        self._standing.compiling += seconds - self._compiled_before[0]
        self._standing.waited += waited - self._compiled_before[1]
        self._compiled_before = seconds, waited

    def _end_epoch(self) -> None:
        standing, config = self._standing, self._config
        average = np.zeros(len(config.seeds), bool)
        attempts: dict[int, int] = {}
        for index, (seed, sums) in enumerate(zip(config.seeds, standing.sums, strict=True)):
            statistics, control = [of_task.means() for of_task in sums], standing.controls[index]
            if not any(statistics):
                continue
            following, average[index] = after_epoch(config, control, statistics, self._valid, standing.step)
            for event in epoch_events(config, self._tasks, control, following, statistics, standing):
                self._run.append_event(event.pop("event"), standing.step, seed=seed, **event)
            if following.attempt > control.attempt:
                attempts[index] = following.attempt
            standing.controls[index] = following
        standing.sums = self._no_sums()
        standing.epoch_padding = Padding()
        standing.learning = self._inputs.learning(standing.step)
        groups = self._ensemble.grouped(standing.learning)
        if average.any() or attempts or groups != self._ensemble.groups:
            learner = self._ensemble.learner()
            for index, attempt in attempts.items():
                learner = restarted(learner, config, index, attempt)
            if average.any():
                learner = with_averaged_copies(learner, average)
            self._ensemble.load(learner, groups)

"""Trains the seeds of several recipes in one ensemble, with one compiled step."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from recipes import Recipe, compiled_as

from examples import Bucket, training_buckets
from neuralgpu.tasks import find_task
from neuralgpu.training.controls import (
    EpochStatistics,
    after_epoch,
    initial_controls,
    last_step,
    learning_rate,
    noise,
)
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.placement import EXAMPLE, SEED, Placement, put
from neuralgpu.training.step import (
    Learner,
    drawn_learner,
    initial_learner,
    learner_shapes,
    lowered_follow,
    lowered_gradient,
    take_step,
)

_AHEAD = 6
"""Steps whose inputs are made ahead of their use."""


class Ensemble:
    """Seeds of all the recipes of a family, on one device."""

    def __init__(self, family: list[Recipe], compilers: ThreadPoolExecutor, makers: ProcessPoolExecutor) -> None:
        """Draws the weights and asks for the programs, shortest inputs first."""
        self.recipes, self._makers = family, makers
        self.configs = [recipe.config() for recipe in family]
        self.members = [(place, seed) for place, config in enumerate(self.configs) for seed in config.seeds]
        self._common = replace(compiled_as(self.configs[0]), seeds=tuple(range(len(self.members))))
        self.buckets = self._common.curriculum.training_buckets
        mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), (SEED, EXAMPLE))
        self.placement = Placement(mesh, len(self.members))
        self._valid = [find_task(self._common.task).valid_length]
        self.controls = [initial_controls(self.configs[place], self._valid) for place, _ in self.members]
        self.step, self.ended = 0, [False] * len(self.members)
        self.seconds = self.waited = 0.0
        """Time spent in training, and what of it was waiting for programs."""
        self.diverged: dict[int, int] = {}
        self._follows: dict[int, Future[Any]] = {}
        self._gradients: dict[int, Future[Any]] = {}
        first = max(control.curriculum.length for control in self.controls)
        for number, bucket in enumerate(self.buckets, 1):
            self._gradients[bucket] = compilers.submit(self._compiled, lowered_gradient, bucket)
            if bucket >= first:
                self._follows[number] = compilers.submit(self._compiled, lowered_follow, number)
        parts = [initial_learner(replace(self._common, seeds=config.seeds)) for config in self.configs]
        self.learner: Learner = self._placed(jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts))
        self._averaging = jax.jit(_averaged, donate_argnums=0)
        self.average = jax.tree.map(jnp.copy, self.learner.model)

    @property
    def shapes(self) -> Learner:
        """Shapes of the learner, on the device."""
        return learner_shapes(self._common, len(self.members), self.placement.by_seed)

    def opened(self) -> list[int]:
        """Returns the places of the seeds whose longest bucket is open."""
        longest = self.buckets[-1]
        return [place for place, control in enumerate(self.controls) if control.curriculum.length >= longest]

    def end_by(self, step: int) -> None:
        """Lets every seed's rate have fallen to 0 by a step, if the settings do not before."""
        steps = [min(recipe.config().steps, step) for recipe in self.recipes]
        self.configs = [replace(config, steps=most) for config, most in zip(self.configs, steps, strict=True)]

    def epoch(self) -> list[dict[str, Any]]:
        """Trains for an epoch and returns what it showed of each seed."""
        started = time.perf_counter()
        reports: list[tuple[Report, ...]] = []
        used = np.array([control.curriculum.length for control in self.controls], np.int32)
        with self._inputs(int(used.max())) as made:
            for number, of_recipes in enumerate(made):
                reports.append(self._take(of_recipes, used, self.step + number))
        fetched: list[tuple[Report, ...]] = jax.device_get(reports)
        self.step += self._common.epoch
        self.seconds += time.perf_counter() - started
        return [self._end_epoch(place, fetched) for place in range(len(self.members))]

    def _take(self, of_recipes: list[list[Bucket]], used: np.ndarray, step: int) -> tuple[Report, ...]:
        buckets = [
            self._examples(bucket, [of_recipe[number] for of_recipe in of_recipes], used)
            for number, bucket in enumerate(self.buckets[: len(of_recipes[0])])
        ]
        started = time.perf_counter()
        gradients = [self._gradients[bucket].result() for bucket in self.buckets[: len(buckets)]]
        follow = self._follows[len(buckets)].result()
        self.waited += time.perf_counter() - started
        seeds = buckets[0].seed[:, 0]
        self.learner, reports = take_step(gradients, follow, self.learner, buckets, self._weights(step), seeds)
        self.average = self._averaging(self.average, self.learner.model)
        return reports

    def _examples(self, bucket: int, parts: list[Bucket], used: np.ndarray) -> Examples:
        grid, target, seed = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        count = len(self.members)
        uses = (used >= bucket) & ~np.array(self.ended)
        return Examples(
            grid.astype(np.int32),
            target.astype(np.int32),
            seed,
            np.full(count, bucket, np.float32),
            np.full(count, self._common.model.steps_of(bucket, bucket), np.int32),
            uses.astype(np.float32),
            np.zeros(count, np.int32),
        )

    def _weights(self, step: int) -> Weights:
        def of_seeds(value: Callable[..., float]) -> np.ndarray:
            told = [
                value(self.configs[place], control, step)
                for (place, _), control in zip(self.members, self.controls, strict=True)
            ]
            return np.array(told, np.float32)

        return Weights(
            of_seeds(learning_rate),
            of_seeds(lambda config, control, step: control.pull),
            of_seeds(lambda config, control, step: control.saturation_weight),
            of_seeds(noise),
        )

    @contextmanager
    def _inputs(self, opened: int) -> Iterator[Iterator[list[list[Bucket]]]]:
        """Yields the epoch's inputs, for every recipe; recipes that draw alike share what is made."""
        settings = [(config.carry_share, config.repeat_share, len(config.seeds)) for config in self.configs]
        makes = {key: config for key, config in zip(settings, self.configs, strict=True)}
        ahead: deque[dict[Any, Future[list[Bucket]]]] = deque()

        def ask(step: int) -> None:
            ahead.append(
                {key: self._makers.submit(training_buckets, config, opened, step) for key, config in makes.items()}
            )

        def made() -> Iterator[list[list[Bucket]]]:
            steps = range(self.step, self.step + self._common.epoch)
            for step in steps[:_AHEAD]:
                ask(step)
            for step in steps:
                if step + _AHEAD in steps:
                    ask(step + _AHEAD)
                found = {key: future.result() for key, future in ahead.popleft().items()}
                yield [found[key] for key in settings]

        yield made()

    def _end_epoch(self, place: int, reports: list[tuple[Report, ...]]) -> dict[str, Any]:
        control, (recipe, seed) = self.controls[place], self.members[place]
        config, count = self.configs[recipe], sum(bucket <= control.curriculum.length for bucket in self.buckets)
        told = {
            "recipe": self.recipes[recipe].name,
            "seed": seed,
            "step": self.step,
            "length": control.curriculum.length,
        }
        if self.ended[place]:
            return told
        statistics = EpochStatistics(
            fmean(float(report.loss[place]) for step in reports for report in step[:count]),
            fmean(float(step[count - 1].sequence_error[place]) for step in reports),
            fmean(float(report.saturation[place]) for step in reports for report in step[:count]),
        )
        told |= {"loss": statistics.loss, "sequence_error": statistics.sequence_error}
        if not np.isfinite(statistics.loss):
            self.ended[place], self.diverged[place] = True, self.step
            return {**told, "diverged": self.step}
        following, _ = after_epoch(config, control, [statistics], self._valid, self.step)
        if following.attempt > control.attempt:
            self._start_over(place, seed, following.attempt)
        self.controls[place] = following
        self.ended[place] = self.step >= last_step(config, following)
        rate = learning_rate(config, control, self.step - 1)
        return told | {"learning_rate": rate, "learned_at": following.learned_at, "attempt": following.attempt}

    def _start_over(self, place: int, seed: int, attempt: int) -> None:
        new = drawn_learner(self._common, seed, attempt)
        self.learner = self._placed(jax.tree.map(partial(_with_part, place), jax.device_get(self.learner), new))
        self.average = self._placed(jax.tree.map(partial(_with_part, place), jax.device_get(self.average), new.model))

    def _placed(self, tree: Any) -> Any:
        return put(tree, self.placement.by_seed)

    def _compiled(self, lowered: Callable[..., Any], size: int) -> Any:
        return lowered(self._common, self.placement, size).compile()


_KEPT = 0.99
"""Share of the averaged weights that a step leaves."""


def _averaged(average: Any, model: Any) -> Any:
    return jax.tree.map(lambda before, now: _KEPT * before + (1 - _KEPT) * now, average, model)


def _with_part(place: int, whole: np.ndarray, part: np.ndarray) -> np.ndarray:
    whole = np.array(whole)
    whole[place] = part
    return whole

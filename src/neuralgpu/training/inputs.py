"""What the steps of an ensemble are called with, group by group."""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, Draw
from neuralgpu.tasks import Task
from neuralgpu.training.controls import Controls, last_step, learning_rate, noise
from neuralgpu.training.data import step_draws, step_examples
from neuralgpu.training.ensemble import Ensemble, Groups
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.padding import Padding, padded_length, padding
from neuralgpu.training.standing import Standing


class Inputs(NamedTuple):
    """What a step is called with."""

    draws: list[list[Draw]]
    """One entry a seed."""
    examples: list[tuple[Examples, ...]]
    """One entry a group."""
    padding: Padding


class InputMaker:
    """Makes the inputs of a run's steps; of one epoch, between whose steps nothing changes that they depend on."""

    def __init__(self, config: RunConfig, tasks: Sequence[Task], standing: Standing, ensemble: Ensemble) -> None:
        """Follows the standing and the ensemble as they change."""
        self._config, self._tasks, self._standing, self._ensemble = config, tasks, standing, ensemble

    def learning(self, step: int) -> list[int]:
        """Returns the places of the seeds that learn from a step on, those with inputs of similar length side by side.

        They are the ones that have neither diverged nor made their last step.
        """
        config, controls = self._config, self._standing.controls
        learning = [
            index
            for index, (seed, control) in enumerate(zip(config.seeds, controls, strict=True))
            if str(seed) not in self._standing.diverged and step < last_step(config, control)
        ]
        return sorted(learning, key=lambda index: controls[index].curriculum.length)

    def signatures(self, groups: Groups, steps: Iterable[int]) -> list[tuple[int, ...]]:
        """Returns the padded lengths of the buckets of the groups' steps, each set once, in the order of their use."""
        found: dict[tuple[int, ...], None] = {}
        for step in steps:
            draws = self._draws(step)
            for group in groups:
                buckets = zip_longest(*(draws[index] for index in group))
                found[tuple(padded_length(self._config, of_seeds) for of_seeds in buckets)] = None
        return [signature for signature in found if signature]

    def make(self, step: int) -> Inputs:
        """Draws and samples the inputs of a step."""
        config, slots, draws = self._config, self._ensemble.slots, self._draws(step)
        examples: list[tuple[Examples, ...]] = []
        total = Padding()
        for group in self._ensemble.groups:
            empty = slots - len(group)
            of_group: list[list[Draw]] = [*(draws[index] for index in group), *([[]] * empty)]
            seeds = [*(config.seeds[index] for index in group), *([0] * empty)]
            buckets = step_examples(config, self._tasks, seeds, of_group, step)
            examples.append(buckets)
            for bucket, of_bucket in zip(buckets, zip_longest(*of_group), strict=True):
                total += padding(config, of_bucket, bucket.target.shape[-1], slots)
        return Inputs(draws, examples, total)

    def weights(self, group: Sequence[int]) -> Weights:
        """Returns the weights that the slots of a group have in the run's next step; those of empty ones are 0."""
        config, standing = self._config, self._standing

        def of_seeds(value: Callable[[Controls], float]) -> np.ndarray:
            values = np.zeros(self._ensemble.slots, np.float32)
            values[: len(group)] = [value(standing.controls[index]) for index in group]
            return values

        return Weights(
            of_seeds(lambda control: learning_rate(config, control, standing.step)),
            of_seeds(lambda control: control.pull),
            of_seeds(lambda control: control.saturation_weight),
            of_seeds(lambda control: noise(config, control, standing.step)),
        )

    def _draws(self, step: int) -> list[list[Draw]]:
        """Returns what every seed draws; nothing for one that rests in this epoch or has made its last step.

        A seed that diverges in the epoch goes on drawing, lest the others' padding depend on how far ahead this runs.
        """
        controls = self._standing.controls
        states: list[CurriculumState | None] = [None] * len(controls)
        for index in self._standing.learning:
            if step < last_step(self._config, controls[index]):
                states[index] = controls[index].curriculum
        return step_draws(self._config, self._tasks, states, step)

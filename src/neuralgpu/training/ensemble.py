"""All the seeds of a run: those that learn, in the groups that a compiled step takes, and those that rest."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from neuralgpu.config import RunConfig
from neuralgpu.training.compilation import Compiler
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.placement import Placement, fetched, given, placement, put
from neuralgpu.training.shortage import check_memory
from neuralgpu.training.step import Learner, lowered_follow, lowered_gradient, noise_seed, take_step

Groups = list[list[int]]
"""Places of seeds in the run's settings; the seeds of a group lie in the slots of one call of the compiled step."""


@dataclass
class _Group:
    """Seeds that one call of the compiled step takes."""

    seeds: list[int]
    learner: Learner
    """On the devices; an empty slot holds what the first one does."""


class Ensemble:
    """The learners of all the seeds. Groups take their steps one after the other; a seed that is in none rests."""

    def __init__(self, config: RunConfig, compiler: Compiler, devices: Sequence[Any] | None = None) -> None:
        """Holds nothing before `load`; the devices are all there are when None."""
        self._config, self._compiler, self._devices = config, compiler, devices
        self._groups: list[_Group] = []
        self._whole: Learner | None = None
        self._stale = False
        self._fitting: set[Any] = set()
        self._placement = self.placement(len(config.seeds))

    def placement(self, learning: int) -> Placement:
        """Returns how the devices are divided while so many seeds learn.

        Sizes that are compiled for are few: the number of all seeds, and of the smaller ones 1, 2, 3, 4, 6, 8, 12, ...
        """
        size = min(_size(learning), len(self._config.seeds))
        return placement(size, self._config.batch, self._devices, self._config.group)

    def grouped(self, learning: Sequence[int]) -> Groups:
        """Divides seeds into as few groups as the devices allow, neighbours in the given order together."""
        slots = self.placement(len(learning)).slots
        return [list(learning[start : start + slots]) for start in range(0, len(learning), slots)]

    @property
    def divided(self) -> Placement:
        """How the devices are divided now."""
        return self._placement

    @property
    def slots(self) -> int:
        """Number of seeds that a call takes."""
        return self._placement.slots

    @property
    def groups(self) -> Groups:
        """The seeds that learn."""
        return [group.seeds for group in self._groups]

    def load(self, learner: Learner, groups: Groups) -> None:
        """Takes over the learner of all seeds, and lets the given ones learn in groups that `grouped` made."""
        self._whole, self._stale = learner, False
        self._placement = self.placement(sum(map(len, groups)))
        self._groups = [_Group(seeds, self._laid_out(learner, seeds)) for seeds in groups]

    def learner(self) -> Learner:
        """Returns the learner of all seeds, in arrays of the host that nobody else writes to."""
        whole = self._whole
        if whole is None:
            raise ValueError("load a learner first")
        if self._stale:
            whole = jax.tree.map(np.array, whole)
            for group in self._groups:
                jax.tree.map(partial(_fill_in, group.seeds), whole, fetched(group.learner))
            self._whole, self._stale = whole, False
        return whole

    def step(self, inputs: Sequence[tuple[Examples, ...]], weights: Sequence[Weights]) -> list[tuple[Report, ...]]:
        """Takes one step of every group and returns what each of its buckets reports, seeds in the order of the slots.

        Args:
            inputs: the buckets of each group, with as many seeds along the leading axis as there are slots; a group
                without any rests.
            weights: those of each group, likewise.

        Raises:
            MemoryError: a program that was not used before needs more memory than there is.
        """
        self._stale = True
        reports: list[tuple[Report, ...]] = []
        for group, buckets, of_group in zip(self._groups, inputs, weights, strict=True):
            reports.append(self._step(group, buckets, of_group) if buckets else ())
        return fetched(reports)

    def compile_ahead(self, learning: int, signatures: Iterable[tuple[int, ...]]) -> None:
        """Lets the programs be compiled that steps of so many seeds need, in the order of their use.

        Args:
            learning: number of seeds.
            signatures: padded lengths of the buckets of steps.
        """
        divided = self.placement(learning)
        for lengths in signatures:
            for length in lengths:
                self._compiler.ahead(*self._gradient(divided, length))
            self._compiler.ahead(*self._follow(divided, len(lengths)))

    def _step(self, group: _Group, buckets: tuple[Examples, ...], weights: Weights) -> tuple[Report, ...]:
        divided = self._placement
        lengths = tuple(examples.target.shape[-1] for examples in buckets)
        gradients = [self._program(*self._gradient(divided, length)) for length in lengths]
        follow = self._program(*self._follow(divided, len(lengths)))
        placed = [self._placed(examples) for examples in buckets]
        weights, noise_seeds = given((weights, noise_seed(buckets)), divided.by_seed)
        group.learner, reports = take_step(gradients, follow, group.learner, placed, weights, noise_seeds)
        return reports

    def _program(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns a program, which is refused at its first use where memory has no room for it."""
        program = self._compiler.program(key, make)
        if key not in self._fitting:
            check_memory(program, self._placement)
            self._fitting.add(key)
        return program

    def _placed(self, examples: Examples) -> Examples:
        by_example, by_seed = self._placement.by_example, self._placement.by_seed
        return Examples(*given(examples[:3], by_example), *given(examples[3:], by_seed))

    def _laid_out(self, learner: Learner, seeds: list[int]) -> Learner:
        slots = [*seeds, *seeds[:1] * (self.slots - len(seeds))]
        return put(jax.tree.map(lambda leaf: leaf[slots], learner), self._placement.by_seed)

    def _gradient(self, divided: Placement, length: int) -> tuple[tuple[Any, ...], Callable[[], Any]]:
        def make() -> Any:
            return lowered_gradient(self._config, divided, length).compile()

        return ("gradient", self._config, divided, length), make

    def _follow(self, divided: Placement, buckets: int) -> tuple[tuple[Any, ...], Callable[[], Any]]:
        def make() -> Any:
            return lowered_follow(self._config, divided, buckets).compile()

        return ("follow", self._config, divided, buckets), make


def _size(learning: int) -> int:
    """Returns the smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, ... that is not below a number."""
    power = 1
    while 2 * power <= learning:
        power *= 2
    return next(size for size in (power, power * 3 // 2, 2 * power) if size >= max(learning, 1))


def _fill_in(places: list[int], whole: np.ndarray, slots: np.ndarray) -> None:
    whole[places] = slots[: len(places)]

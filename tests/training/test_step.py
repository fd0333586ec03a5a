"""One step: a seed learns the same alone and in company, on one device and on several."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, TaskState
from neuralgpu.tasks import find_task
from neuralgpu.training.data import step_draws, step_examples
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.step import Learner, initial_learner, with_averaged_copies

if TYPE_CHECKING:
    from .conftest import Workshop

TASKS = (find_task("badd"),)


def inputs(config: RunConfig, step: int, lengths: list[int]) -> tuple[Examples, ...]:
    states = [CurriculumState((TaskState(length),)) for length in lengths]
    return step_examples(config, TASKS, config.seeds, step_draws(config, TASKS, states, step), step)


@dataclass(frozen=True)
class Bench:
    """What runs a few steps of any settings, always from the same weights."""

    workshop: "Workshop"
    start: Callable[[RunConfig], Learner]

    def learned(
        self, config: RunConfig, steps: list[int], lengths: list[int], devices: int = 2, pull: float = 0.05
    ) -> tuple[Learner, np.ndarray]:
        """Returns the learner after some steps, and the losses [step, seed]."""
        learner, losses = self.start(config), []
        for step in steps:
            weights = Weights(*(np.full(len(lengths), number, np.float32) for number in (0.01, pull, 1e-3, 0.05)))
            learner, reports = self.workshop.step(config, devices)(learner, inputs(config, step, lengths), weights)
            losses.append(np.asarray(reports[-1].loss))
        return jax.device_get(learner), np.array(losses)


@pytest.fixture
def bench(workshop: "Workshop", learner_for: Callable[[RunConfig], Learner]) -> Bench:
    return Bench(workshop, learner_for)


def largest_difference(one: Any, other: Any) -> float:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()) for a, b in pairs)


def of_seed(learner: Learner, index: int) -> Learner:
    return jax.tree.map(lambda leaf: leaf[index : index + 1], learner)


def test_a_seed_of_three_learns_what_it_learns_alone(bench: Bench, cgru_config: RunConfig) -> None:
    three = replace(cgru_config, seeds=(4, 0, 1))
    lengths = [3, 7, 9]
    # Steps in which the seeds draw different lengths, the first of them in a smaller bucket than the others.
    steps = [step for step in range(40) if set(inputs(three, step, lengths)[0].bucket) == {4, 10}][:4]
    together, losses = bench.learned(three, steps, lengths)
    for index in (0, 2):
        alone, own_losses = bench.learned(replace(three, seeds=(three.seeds[index],)), steps, [lengths[index]])
        assert own_losses[:, 0] == pytest.approx(losses[:, index], rel=1e-4)
        assert largest_difference(of_seed(together, index), alone) < 1e-4
    moved = jax.tree.map(lambda after, start: np.abs(after - start).max(), together.model, bench.start(three).model)
    assert min(jax.tree.leaves(moved)) > 0.005, "the steps are to change every parameter"


def test_seeds_and_batches_split_over_devices_learn_what_one_device_does(bench: Bench, cgru_config: RunConfig) -> None:
    steps = [0, 1, 2]
    by_seeds, losses = bench.learned(cgru_config, steps, [9, 9])
    by_one, losses_of_one = bench.learned(cgru_config, steps, [9, 9], devices=1)
    assert losses == pytest.approx(losses_of_one, rel=1e-4)
    assert largest_difference(by_seeds, by_one) < 1e-4
    by_batch, losses_of_batch = bench.learned(replace(cgru_config, seeds=(1,)), steps, [9])
    assert losses_of_batch[:, 0] == pytest.approx(losses[:, 1], rel=1e-4)
    assert largest_difference(by_batch, of_seed(by_seeds, 1)) < 1e-4


def test_noise_on_the_gradients_follows_the_examples_seed(bench: Bench, cgru_config: RunConfig) -> None:
    [given] = inputs(cgru_config, 0, [9, 9])
    # An example of nothing but padding, whose seed decides no dropout and no noise on the state.
    blank = given._replace(grid=given.grid.copy(), target=given.target.copy())
    blank.grid[:, 0], blank.target[:, 0] = 0, 0
    other = blank._replace(seed=blank.seed.copy())
    other.seed[1, 0] += 1
    weights = Weights(*(np.full(2, number, np.float32) for number in (0.01, 0.05, 1e-3, 0.05)))
    step = bench.workshop.step(cgru_config)
    (one, reports), (two, other_reports) = (
        jax.device_get(step(bench.start(cgru_config), (examples,), weights)) for examples in (blank, other)
    )
    assert largest_difference(reports, other_reports) == 0
    assert largest_difference(of_seed(one, 0), of_seed(two, 0)) == 0
    assert largest_difference(of_seed(one, 1), of_seed(two, 1)) > 0.005


def test_batch_normalisation_counts_the_examples_of_all_devices(bench: Bench, cgru_config: RunConfig) -> None:
    config = replace(cgru_config, seeds=(1,), model=replace(cgru_config.model, batch_norm="masked"))
    by_batch, losses = bench.learned(config, [0, 1, 2], [9])
    by_one, losses_of_one = bench.learned(config, [0, 1, 2], [9], devices=1)
    assert losses == pytest.approx(losses_of_one, rel=1e-4)
    assert largest_difference(by_batch, by_one) < 1e-4
    start, norm = bench.start(config).model.batch_norm, by_one.model.batch_norm
    assert start is not None
    assert norm is not None
    assert min(np.abs(a - b).min() for a, b in zip(start.running, norm.running, strict=True)) > 1e-3
    assert np.all(norm.running.variance > 0)
    parameters = [leaf for leaf in jax.tree.leaves(by_one.model) if leaf is not norm.running.mean]
    assert len(jax.tree.leaves(by_one.moments.first)) == len(parameters) - 1, "the running moments are not trained"


def test_two_buckets_are_one_of_twice_the_batch(bench: Bench, cgru_config: RunConfig) -> None:
    """The slices of the embedding's gradient are those of the whole step, whatever buckets it is computed in."""
    steps = [step for step in range(40) if set(inputs(cgru_config, step, [9, 9])[0].bucket) == {10}][:2]
    first, second = (inputs(cgru_config, step, [9, 9])[0] for step in steps)
    grid, target, seed = (np.concatenate(parts, axis=1) for parts in zip(first[:3], second[:3], strict=True))
    both = first._replace(grid=grid, target=target, seed=seed)
    weights = Weights(*(np.full(2, number, np.float32) for number in (0.01, 0.05, 1e-3, 0.05)))
    twice = replace(cgru_config, batch=2 * cgru_config.batch)
    apart, reports = bench.workshop.step(cgru_config)(bench.start(cgru_config), (first, second), weights)
    together, (report,) = bench.workshop.step(twice)(bench.start(twice), (both,), weights)
    assert np.asarray(report.gradient_norm) == pytest.approx(np.asarray(reports[0].gradient_norm), rel=1e-5)
    assert largest_difference(jax.device_get(apart), jax.device_get(together)) < 1e-5


def test_a_batch_split_over_devices_and_worked_on_in_groups_learns_the_same(
    bench: Bench, cgru_config: RunConfig
) -> None:
    config = replace(cgru_config, seeds=(1,))
    whole, losses = bench.learned(config, [0, 1, 2], [9])
    groups, losses_of_groups = bench.learned(replace(config, microbatch=1, memory="treeverse:2"), [0, 1, 2], [9])
    assert losses == pytest.approx(losses_of_groups, rel=1e-4)
    assert largest_difference(whole, groups) < 1e-4


@pytest.mark.usefixtures("quickly_compiled")
def test_seeds_start_from_their_own_numbers(diagonal_config: RunConfig) -> None:
    two, alone = initial_learner(diagonal_config), initial_learner(replace(diagonal_config, seeds=(1,)))
    assert largest_difference(of_seed(two, 1), alone) == 0
    drawn = [np.asarray(leaf) for leaf in jax.tree.leaves(two.model) if np.asarray(leaf).any()]
    assert len(drawn) == 4, "embedding, gates, candidate, readout"
    assert not any(np.array_equal(leaf[0], leaf[1]) for leaf in drawn)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(two.moments))


def test_only_the_chosen_seeds_copies_are_averaged(bench: Bench, cgru_config: RunConfig) -> None:
    learner = bench.start(cgru_config)
    averaged = jax.device_get(with_averaged_copies(learner, np.array([False, True])))
    leaves, averaged_leaves = (jax.tree.leaves(model.relaxed) for model in (learner.model, averaged.model))
    assert len(leaves) == 5, "two of gates, two of candidate, the shifts"
    for before, after in zip(leaves, averaged_leaves, strict=True):
        assert np.array_equal(after[0], before[0])
        assert after[1] == pytest.approx(np.broadcast_to(before[1].mean(axis=0), before[1].shape), abs=1e-6)
        assert np.abs(before[1][0] - before[1][1]).max() > 0.1
    assert np.array_equal(averaged.model.embedding, learner.model.embedding)
    assert largest_difference(averaged.moments, learner.moments) == 0


def test_a_bucket_that_is_open_for_another_seed_changes_nothing(bench: Bench, diagonal_config: RunConfig) -> None:
    assert [list(bucket.used) for bucket in inputs(diagonal_config, 3, [4, 6])] == [[1, 1], [0, 1]]
    # AdaMax clips the first steps to their sign; later ones depend on how large the gradients are.
    steps = list(range(3, 18))
    one_open, _ = bench.learned(diagonal_config, steps, [4, 4])
    both, _ = bench.learned(diagonal_config, steps, [4, 6])
    assert largest_difference(of_seed(both, 0), of_seed(one_open, 0)) < 1e-5
    assert largest_difference(of_seed(both, 1), of_seed(one_open, 1)) > 1e-4


def test_the_pull_brings_copies_together(bench: Bench, cgru_config: RunConfig) -> None:
    models = [bench.learned(cgru_config, [0, 1, 2, 3], [9, 9], pull=pull)[0].model for pull in (0.0, 10.0)]
    for free, pulled in zip(*(jax.tree.leaves(model.relaxed) for model in models), strict=True):
        distances = [np.abs(leaf[:, 0] - leaf[:, 1]).mean() for leaf in (free, pulled)]
        assert distances[1] < distances[0] - 0.01

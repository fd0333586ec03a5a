"""One training step of several seeds: compiled bucket by bucket, spread over the devices."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from neuralgpu.config import RunConfig
from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.relaxation import averaged_copies, distance_of_copies
from neuralgpu.model.seeds import over_seeds
from neuralgpu.model.trainable import trained
from neuralgpu.tasks import find_task
from neuralgpu.training.microbatch import batch_gradient
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.optimiser import gradient_norm, optimiser
from neuralgpu.training.placement import EXAMPLE, SEED, Placement, placement


class Learner(NamedTuple):
    """What training changes; every array has the seeds along its leading axis."""

    model: NeuralGPU
    moments: PyTree
    """State of the optimiser."""


Step = Callable[[Learner, tuple[Examples, ...], Weights], tuple[Learner, tuple[Report, ...]]]


class Programs(NamedTuple):
    """The two programs that a step is made of."""

    gradient: Any
    """Compiled for each padded length: maps (model, examples, weights) to (gradient, report)."""
    follow: Any
    """Maps (learner, one gradient a bucket, each bucket's `used`, weights, seed of the noise on the gradient) to the
    next learner and the gradient's norm."""


def initial_learner(config: RunConfig) -> Learner:
    """Draws every seed's weights from its own number; arrays of the host."""
    learners = [drawn_learner(config, seed) for seed in config.seeds]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *learners)


def drawn_learner(config: RunConfig, seed: int, attempt: int = 0) -> Learner:
    """Draws one seed's weights from its number and, where it starts over, the attempt's; arrays of the host."""
    key = jax.random.key(np.uint32(seed))
    if attempt:
        key = jax.random.fold_in(key, attempt)
    return jax.device_get(_drawing(replace(config, seeds=(0,)))(key))


@lru_cache(maxsize=8)
def _drawing(config: RunConfig) -> Callable[[Array], Learner]:
    return jax.jit(partial(_new_learner, config=config))


def _new_learner(key: Array, config: RunConfig) -> Learner:
    model = initial_model(key, config.model)
    return Learner(model, optimiser(config.optimiser).init(trained(model)))


def restarted(learner: Learner, config: RunConfig, index: int, attempt: int) -> Learner:
    """Returns a learner of the host with one seed's weights drawn anew, from its number and the attempt's."""
    learner = jax.tree.map(np.array, learner)
    new = drawn_learner(config, config.seeds[index], attempt)
    jax.tree.map(lambda whole, part: operator.setitem(whole, index, part), learner, new)
    return learner


def compiled_step(config: RunConfig, devices: Sequence[Any] | None = None) -> Step:
    """Returns the training step for all seeds at once; it compiles for each padded length, when that first comes.

    A step takes the gradient of one bucket after the other and follows their mean, so that a bucket that joins later
    costs its own compilation alone. A run calls its steps through `Ensemble`, which compiles ahead of need.
    """
    divided = placement(len(config.seeds), config.batch, devices)
    if len(config.seeds) % divided.seed_ways:
        divided = placement(1, config.batch, devices)
    programs = compiled_programs(config, divided)

    def step(learner: Learner, buckets: tuple[Examples, ...], weights: Weights) -> tuple[Learner, tuple[Report, ...]]:
        # Arrays that lie elsewhere, as a new learner's do, would be a second signature to compile for.
        learner = jax.device_put(learner, divided.by_seed)
        return take_step(
            [programs.gradient] * len(buckets), programs.follow, learner, buckets, weights, noise_seed(buckets)
        )

    return step


def take_step(
    gradients: Sequence[Any],
    follow: Any,
    learner: Learner,
    buckets: Sequence[Examples],
    weights: Weights,
    noise_seeds: AnyArray,
) -> tuple[Learner, tuple[Report, ...]]:
    """Takes a step with compiled programs, one for the gradient of each bucket and the one that follows them."""
    calls = zip(gradients, buckets, strict=True)
    found, reports = zip(*(gradient(learner.model, examples, weights) for gradient, examples in calls), strict=True)
    learner, norm = follow(learner, found, tuple(examples.used for examples in buckets), weights, noise_seeds)
    return learner, tuple(report._replace(gradient_norm=norm) for report in reports)


def noise_seed(buckets: Sequence[Examples]) -> AnyArray:
    """Returns the seeds of the noise on the gradients: those of each seed's first example."""
    return buckets[0].seed[:, 0]


@lru_cache(maxsize=8)
def compiled_programs(config: RunConfig, divided: Placement) -> Programs:
    """Returns what a step runs on any number of seeds that the placement's devices divide."""
    by_seed, by_example = PartitionSpec(SEED), PartitionSpec(SEED, EXAMPLE)
    example_specs: list[Any] = [*[by_example] * 3, *[by_seed] * 4]
    batch_axes = (EXAMPLE,) if divided.batch_ways > 1 else ()
    spread = partial(jax.shard_map, mesh=divided.mesh, out_specs=by_seed, check_vma=False)

    def gradient_of_bucket(model: NeuralGPU, examples: Examples, weights: Weights) -> tuple[NeuralGPU, Report]:
        def compute() -> tuple[NeuralGPU, Report]:
            return batch_gradient(model, examples, weights, config, batch_axes)

        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(compute))
        part = jax.lax.cond(examples.used > 0, compute, lambda: nothing)
        return jax.lax.pmean(part, EXAMPLE) if batch_axes else part

    def follow(
        learner: Learner,
        gradients: tuple[NeuralGPU, ...],
        used: tuple[AnyArray, ...],
        weights: Weights,
        noise_seed: AnyArray,
    ) -> tuple[Learner, Array]:
        count = sum(used)
        mean: Any = jax.tree.map(lambda *parts: sum(parts) / jnp.maximum(count, 1), *gradients)
        if config.model.copies > 1:
            pulls = jax.grad(distance_of_copies)(learner.model.relaxed)
            pulled = jax.tree.map(lambda gradient, pull: gradient + weights.pull * pull, mean.relaxed, pulls)
            mean = mean.with_relaxed(pulled)
        moving = trained(mean)
        squares = jax.tree.map(lambda _: None, moving)
        if config.optimiser.sliced:
            # Slices of a mean over buckets and devices are as many times smaller, their squares that many times more.
            own = mean.probe / (jnp.maximum(count, 1) * divided.batch_ways)
            squares = eqx.tree_at(lambda model: model.embedding, squares, own, is_leaf=lambda leaf: leaf is None)
        norm = gradient_norm(moving, squares)
        updates, moments = optimiser(config.optimiser).update(
            moving, learner.moments, learning_rate=weights.learning_rate, squares=squares, seed=noise_seed
        )
        model = eqx.apply_updates(learner.model, updates)
        if model.batch_norm is not None:
            running = jax.tree.map(jnp.add, model.batch_norm.running, mean.batch_norm.running)
            model = eqx.tree_at(lambda model: model.batch_norm.running, model, running)
        # A seed that rests uses no bucket, and one whose gradient is not finite has diverged: they stay as they are.
        moves = (count > 0) & jnp.isfinite(norm)
        return jax.tree.map(partial(jnp.where, moves), Learner(model, moments), learner), norm

    return Programs(
        jax.jit(spread(over_seeds(gradient_of_bucket), in_specs=(by_seed, Examples(*example_specs), by_seed))),
        jax.jit(spread(jax.vmap(follow), in_specs=by_seed), donate_argnums=0),
    )


def learner_shapes(config: RunConfig, seeds: int, sharding: NamedSharding | None = None) -> Learner:
    """Returns the shapes of the learner of so many seeds, on the host where no sharding is given."""
    one = _shapes_of_one(replace(config, seeds=(0,)))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((seeds, *leaf.shape), leaf.dtype, sharding=sharding), one)


@lru_cache(maxsize=8)
def _shapes_of_one(config: RunConfig) -> Learner:
    return jax.eval_shape(lambda: _new_learner(jax.random.key(0), config))


def lowered_gradient(config: RunConfig, divided: Placement, length: int) -> Any:
    """Returns the gradient's program for a padded length, to be compiled."""
    learner = learner_shapes(config, divided.slots, divided.by_seed)
    return compiled_programs(config, divided).gradient.lower(learner.model, *input_shapes(config, length, divided))


def lowered_follow(config: RunConfig, divided: Placement, buckets: int) -> Any:
    """Returns the program that follows the gradients of so many buckets, to be compiled."""
    learner = learner_shapes(config, divided.slots, divided.by_seed)
    examples, weights = input_shapes(config, 1, divided)
    gradient = gradient_shapes(config, divided)
    noise_seeds = jax.ShapeDtypeStruct((divided.slots,), jnp.uint32, sharding=divided.by_seed)
    used = (examples.used,) * buckets
    follow = compiled_programs(config, divided).follow
    return follow.lower(learner, (gradient,) * buckets, used, weights, noise_seeds)


def gradient_shapes(config: RunConfig, divided: Placement) -> NeuralGPU:
    """Returns the shapes of a bucket's gradient, which do not depend on its length, as it lies on the devices."""
    model = learner_shapes(config, divided.slots, divided.by_seed).model
    gradient, _ = jax.eval_shape(compiled_programs(config, divided).gradient, model, *input_shapes(config, 1, divided))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=divided.by_seed), gradient)


def input_shapes(config: RunConfig, length: int, divided: Placement) -> tuple[Examples, Weights]:
    """Returns the shapes of a bucket that is padded to some length, and of the weights, as they lie on the devices."""

    def by_seed(dtype: Any) -> Any:
        return jax.ShapeDtypeStruct((divided.slots,), dtype, sharding=divided.by_seed)

    def by_example(dtype: Any, *shape: int) -> Any:
        return jax.ShapeDtypeStruct((divided.slots, config.batch, *shape), dtype, sharding=divided.by_example)

    rows = max(find_task(task).rows for task in config.tasks)
    grid, target = by_example(jnp.int32, length, rows), by_example(jnp.int32, length)
    numbers = map(by_seed, (jnp.float32, jnp.int32, jnp.float32, jnp.int32))
    examples: Any = (grid, target, by_example(jnp.uint32), *numbers)
    return Examples(*examples), Weights(*[by_seed(jnp.float32)] * len(Weights._fields))


def with_averaged_copies(learner: Learner, chosen: np.ndarray) -> Learner:
    """Replaces the relaxed copies of the chosen seeds by their mean; the optimiser's moments stay as they are."""

    def averaged(old: np.ndarray) -> np.ndarray:
        return np.where(chosen.reshape(-1, *[1] * (old.ndim - 1)), jax.vmap(averaged_copies)(old), old)

    relaxed = jax.tree.map(averaged, learner.model.relaxed)
    return learner._replace(model=learner.model.with_relaxed(relaxed))

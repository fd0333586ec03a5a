"""One training step of all the seeds, compiled bucket by bucket, spread over the devices."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from neuralgpu.config import RunConfig
from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.neural_gpu import NeuralGPU, initial_model, trained
from neuralgpu.model.relaxation import averaged_copies, distance_of_copies
from neuralgpu.model.seeds import over_seeds
from neuralgpu.training.microbatch import batch_gradient, largest_divisor
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.optimiser import gradient_norm, optimiser


class Learner(NamedTuple):
    """What training changes; every array has the seeds along its leading axis."""

    model: NeuralGPU
    moments: PyTree
    """State of the optimiser."""


Step = Callable[[Learner, tuple[Examples, ...], Weights], tuple[Learner, tuple[Report, ...]]]


class Programs(NamedTuple):
    """The two programs that a step is made of."""

    gradient: Any
    """Compiled for each bucket: maps (model, examples, weights) to (gradient, report)."""
    follow: Any
    """Maps (learner, one gradient a bucket, each bucket's `used`, weights, seed of the noise on the gradient) to the
    next learner and the gradient's norm."""
    sharding: NamedSharding
    """Where the learner lies."""


def initial_learner(config: RunConfig) -> Learner:
    """Draws every seed's weights from its own number."""
    return jax.jit(jax.vmap(lambda seed: _new_learner(jax.random.key(seed), config)))(
        np.asarray(config.seeds, np.uint32)
    )


def restarted(learner: Learner, config: RunConfig, index: int, attempt: int) -> Learner:
    """Returns the learner with the weights of one seed drawn anew, from its number and the attempt's."""
    key = jax.random.fold_in(jax.random.key(config.seeds[index]), attempt)
    new = jax.jit(lambda key: _new_learner(key, config))(key)
    return jax.tree.map(lambda old, new: jnp.asarray(old).at[index].set(new), learner, new)


def _new_learner(key: Array, config: RunConfig) -> Learner:
    model = initial_model(key, config.model)
    return Learner(model, optimiser(config.optimiser).init(trained(model)))


def compiled_step(config: RunConfig, devices: list[Any] | None = None) -> Step:
    """Returns the training step for all seeds; it compiles once for each bucket's length.

    A step takes the gradient of one bucket after the other and follows their mean, so that a bucket that joins later
    costs its own compilation alone.

    Seeds are spread over the devices if at least as many devices divide them evenly as divide the batch; else every
    seed's batch is, and the gradients are averaged. With two devices on a two-core CPU a step takes 0.6 of the time
    that one device needs, which leaves the second core almost idle.
    """
    programs = compiled_programs(config, devices)

    def step(learner: Learner, buckets: tuple[Examples, ...], weights: Weights) -> tuple[Learner, tuple[Report, ...]]:
        # Arrays that lie elsewhere, as a new learner's do, would be a second signature to compile for.
        learner = jax.device_put(learner, programs.sharding)
        parts = [programs.gradient(learner.model, examples, weights) for examples in buckets]
        gradients, reports = zip(*parts, strict=True)
        used, noise_seed = tuple(examples.used for examples in buckets), buckets[0].seed[:, 0]
        learner, norm = programs.follow(learner, gradients, used, weights, noise_seed)
        return learner, tuple(report._replace(gradient_norm=norm) for report in reports)

    return step


def compiled_programs(config: RunConfig, devices: list[Any] | None = None) -> Programs:
    """Returns what a step runs; see `compiled_step`."""
    devices = devices or jax.local_devices()
    ways_for_seeds = largest_divisor(len(config.seeds), len(devices))
    ways_for_batch = largest_divisor(config.batch, len(devices))
    seeds_split = ways_for_seeds >= ways_for_batch
    mesh = Mesh(np.array(devices[: max(ways_for_seeds, ways_for_batch)]), ("device",))
    by_seed = PartitionSpec("device") if seeds_split else PartitionSpec()
    by_batch = PartitionSpec("device") if seeds_split else PartitionSpec(None, "device")
    example_specs: list[Any] = [by_batch, by_batch, by_batch, by_seed, by_seed, by_seed]
    batch_axes = () if seeds_split else ("device",)
    spread = partial(jax.shard_map, mesh=mesh, out_specs=by_seed, check_vma=False)

    def gradient_of_bucket(model: NeuralGPU, examples: Examples, weights: Weights) -> tuple[NeuralGPU, Report]:
        def compute() -> tuple[NeuralGPU, Report]:
            return batch_gradient(model, examples, weights, config, batch_axes)

        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(compute))
        part = jax.lax.cond(examples.used > 0, compute, lambda: nothing)
        return part if seeds_split else jax.lax.pmean(part, "device")

    def follow(
        learner: Learner,
        gradients: tuple[NeuralGPU, ...],
        used: tuple[AnyArray, ...],
        weights: Weights,
        noise_seed: AnyArray,
    ) -> tuple[Learner, Array | None]:
        # A seed that is done uses no bucket; its rate is 0.
        count = jnp.maximum(sum(used), 1)
        mean: Any = jax.tree.map(lambda *parts: sum(parts) / count, *gradients)
        if config.model.copies > 1:
            pulls = jax.grad(distance_of_copies)(learner.model.relaxed)
            pulled = jax.tree.map(lambda gradient, pull: gradient + weights.pull * pull, mean.relaxed, pulls)
            mean = mean.with_relaxed(pulled)
        moving = trained(mean)
        squares = jax.tree.map(lambda _: None, moving)
        if config.optimiser.sliced:
            # Slices of a mean over buckets and devices are as many times smaller, their squares that many times more.
            own = mean.probe / (count * (1 if seeds_split else ways_for_batch))
            squares = eqx.tree_at(lambda model: model.embedding, squares, own, is_leaf=lambda leaf: leaf is None)
        updates, moments = optimiser(config.optimiser).update(
            moving, learner.moments, learning_rate=weights.learning_rate, squares=squares, seed=noise_seed
        )
        model = eqx.apply_updates(learner.model, updates)
        if model.batch_norm is not None:
            running = jax.tree.map(jnp.add, model.batch_norm.running, mean.batch_norm.running)
            model = eqx.tree_at(lambda model: model.batch_norm.running, model, running)
        norm = gradient_norm(moving, squares) if config.optimiser.name == "adam" else None
        return Learner(model, moments), norm

    compiled_gradient = jax.jit(
        spread(over_seeds(gradient_of_bucket), in_specs=(by_seed, Examples(*example_specs), by_seed))
    )
    compiled_follow = jax.jit(spread(jax.vmap(follow), in_specs=by_seed), donate_argnums=0)
    return Programs(compiled_gradient, compiled_follow, NamedSharding(mesh, by_seed))


def with_averaged_copies(learner: Learner, chosen: np.ndarray) -> Learner:
    """Replaces the relaxed copies of the chosen seeds by their mean; the optimiser's moments stay as they are."""
    averaged = jax.vmap(averaged_copies)(learner.model.relaxed)
    relaxed = jax.tree.map(
        lambda new, old: jnp.where(chosen.reshape(-1, *[1] * (old.ndim - 1)), new, old),
        averaged,
        learner.model.relaxed,
    )
    return learner._replace(model=learner.model.with_relaxed(relaxed))

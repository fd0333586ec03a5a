"""A batch of examples through the fused kernels, from symbols to logits."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused.shape import Shape
from neuralgpu.model.fused.unroll import unroll_fused
from neuralgpu.model.neural_gpu import NeuralGPU, Training


def largest_record(config: ModelConfig, batch: int, bucket: int) -> int:
    """Returns the number of elements of the largest array that the kernels keep of one seed's batch."""
    rounds = config.rounds(config.steps(bucket) + 1)
    return math.prod(Shape.of(config, batch, bucket, rounds).record(2 * config.channels))


def run_fused(
    model: NeuralGPU,
    grid: Int[AnyArray, "batch length rows"],
    mask: Bool[AnyArray, "batch length"],
    training: Training,
    steps: int | None,
) -> tuple[Float[Array, "batch length symbol"], Float[Array, "batch"]]:
    """Returns what the model reads out of a batch in training, and its saturation costs.

    As `NeuralGPU.__call__` for each example.

    Args:
        model: one whose settings the kernels know, see `ModelConfig.not_fusible`.
        grid: symbols.
        mask: the positions that an input or its target uses.
        training: with the examples' seeds along the axis of `seed`.
        steps: as there.
    """
    config = model.config
    begun = jax.vmap(lambda grid, mask, seed: model.begin(grid, mask, training._replace(seed=seed)))(
        grid, mask, training.seed
    )
    rounds = config.rounds(config.steps(grid.shape[1]) if steps is None else steps)
    last = begun.last_step if config.stop == "length" else jnp.full(len(grid), rounds * config.copies - 1)
    weight = jnp.asarray(begun.weight)[:, :, 0, 0].astype(jnp.float32)
    state, saturation = unroll_fused(model.cells, begun.state, weight, last, training, config, rounds)
    return jax.vmap(model.read)(state), begun.saturation + saturation

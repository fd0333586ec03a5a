"""The loss of one bucket of a training step and what is reported of it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError
from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.batch_norm import EXAMPLE_AXIS, Moments
from neuralgpu.model.fused import largest_record, run_fused
from neuralgpu.model.neural_gpu import NeuralGPU, Output, Training

_MOST_ELEMENTS = 2**31 - 1
"""Pallas counts places in an array with 32 bits."""


class Examples(NamedTuple):
    """One bucket of a training step's inputs, for one seed."""

    grid: Int[AnyArray, "batch length rows"]
    target: Int[AnyArray, "batch length"]
    seed: UInt32[AnyArray, "batch"]
    """Decides each example's dropout and noise; the first bucket's first one also the noise on the gradients."""
    bucket: Float[AnyArray, ""]
    """This seed's own bucket, which the arrays' length is not where they are padded otherwise."""
    steps: Int[AnyArray, ""]
    """Steps that the own bucket leaves room for."""
    used: Float[AnyArray, ""]
    """1, or 0 where the bucket is there for other seeds only: nothing is computed of it then."""
    task: Int[AnyArray, ""]
    """Number of the inputs' task, for a model that is told it."""


class Weights(NamedTuple):
    """What one seed's controls set for one step."""

    learning_rate: Float[AnyArray, ""]
    pull: Float[AnyArray, ""]
    saturation: Float[AnyArray, ""]
    noise: Float[AnyArray, ""]


class Report(NamedTuple):
    """What one seed's bucket tells about itself, with dropout and noise on."""

    loss: Float[Array, ""]
    """Mean cross-entropy, nats a position."""
    saturation: Float[Array, ""]
    """Saturation cost over the bucket's length squared and batch, before its weight."""
    sequence_error: Float[Array, ""]
    """Share of the inputs with at least one wrong symbol."""
    gradient_norm: Float[Array, ""] | None = None
    """Global norm of the whole step's gradient, before it is scaled down."""
    running: Moments | None = None
    """What the bucket changes the batch normalisation's running moments by."""


def is_fused(config: RunConfig, bucket: int) -> bool:
    """Says whether the step loop of a batch is run by the fused kernels.

    They keep what the backward pass needs of every step, so a strategy that is there to save memory does without them.

    Raises:
        UserError: they are asked for, and what they keep of all the seeds at once has more elements than they count.
    """
    if config.fused == "off" or config.model.not_fusible:
        return False
    seeds = min(config.group or len(config.seeds), len(config.seeds))
    counted = seeds * largest_record(config.model, config.batch, bucket) <= _MOST_ELEMENTS
    if config.fused == "on":
        if not counted:
            raise UserError("The fused kernels cannot count that many numbers; set a smaller group, or fused=auto.")
        return True
    return counted and config.memory in ("step", "store") and jax.default_backend() == "gpu"


def active_positions(
    grid: Int[AnyArray, "batch length rows"], target: Int[AnyArray, "batch length"]
) -> Bool[Array, "batch length"]:
    """Returns where the input or the target has a symbol."""
    return jnp.any(grid != 0, axis=-1) | (target != 0)


def objective(
    model: NeuralGPU, examples: Examples, weights: Weights, config: RunConfig, axes: tuple[str, ...] = ()
) -> tuple[Float[Array, ""], Report]:
    """Returns the loss of a bucket, cross-entropy + weight * saturation cost + weight * movement, and the report.

    Args:
        axes: names of the mapped axes along which further examples of the bucket lie, for batch normalisation.
    """
    mask = active_positions(examples.grid, examples.target)
    # An example takes one step more than it has symbols, as far as its own bucket has room.
    steps = None if config.model.depends_on_padding else config.model.steps(mask.shape[1]) + 1
    rate = jnp.asarray(config.model.dropout)
    if config.model.cell != "diagonal":
        rate = rate * 8 / examples.bucket

    def run(grid: AnyArray, mask: AnyArray, seed: AnyArray):
        training = Training(seed, rate, weights.noise, examples.steps)
        axis_names = (EXAMPLE_AXIS, *axes)
        return model(grid, mask, training, steps, examples.task, axis_names, config.strategy)

    if is_fused(config, mask.shape[1]):
        training = Training(examples.seed, rate, weights.noise, examples.steps)
        output = Output(*run_fused(model, examples.grid, mask, training, steps))
    else:
        output = jax.vmap(run, axis_name=EXAMPLE_AXIS)(examples.grid, mask, examples.seed)
    logits, running = output.logits, output.running
    right = jnp.take_along_axis(logits, examples.target[..., None], axis=-1).squeeze(-1)
    cross_entropy = jax.nn.logsumexp(logits, axis=-1) - right
    counted = mask if config.optimiser.loss_over == "mask" else jnp.ones_like(mask)
    wrong = (jnp.argmax(logits, axis=-1) != examples.target) & (examples.target != 0)
    cells = examples.bucket * len(examples.grid)
    report = Report(
        loss=jnp.sum(cross_entropy * counted) / cells,
        saturation=jnp.sum(output.saturation) / (cells * examples.bucket),
        sequence_error=jnp.mean(jnp.any(wrong, axis=-1)),
        running=jax.tree.map(lambda of_examples: of_examples[0], running),
    )
    loss = report.loss + weights.saturation * report.saturation
    if output.movement is not None:
        loss = loss + config.optimiser.movement_weight * jnp.sum(output.movement) / (cells * examples.bucket)
    return loss, report

"""A batch of examples through the fused kernels, from symbols to logits."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused.unroll import unroll_fused
from neuralgpu.model.neural_gpu import NeuralGPU, Training


def why_not_fused(config: ModelConfig) -> str | None:
    """Returns the setting that the fused kernels do not know, None where they run the model."""
    known: dict[str, Any] = {
        "output": "last",
        "batch_norm": "off",
        "global_operation": "none",
        "task_channels": 0,
        "sigmoid_smooth": 0,
        "tanh_smooth": 0,
    }
    if config.cell == "residual":
        return "cell"
    if config.cell == "diagonal" and config.saturation_limit >= 1:
        return "saturation_limit"  # what lies beyond is cut off from the values that are kept
    return next((name for name, value in known.items() if getattr(config, name) != value), None)


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
        model: one that `why_not_fused` has nothing against.
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
    weight = begun.weight[:, :, 0, 0].astype(jnp.float32)
    state, saturation = unroll_fused(model.cells, begun.state, weight, last, training, config, rounds)
    return jax.vmap(model.read)(state), begun.saturation + saturation

"""What of a model is trained, and where it is differentiated."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from neuralgpu.model.neural_gpu import NeuralGPU


def trained(model: NeuralGPU) -> PyTree:
    """Returns the model, or its gradient, with None where an optimiser has nothing to move."""
    if model.batch_norm is not None:
        model = eqx.tree_at(lambda model: model.batch_norm.running, model, None)
    return eqx.tree_at(lambda model: model.probe, model, None, is_leaf=lambda leaf: leaf is None)


def probed(model: NeuralGPU) -> NeuralGPU:
    """Returns the model with a probe."""
    return eqx.tree_at(
        lambda model: model.probe, model, jnp.zeros_like(model.embedding), is_leaf=lambda leaf: leaf is None
    )

"""Noise on the gradients, in the two published forms."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree, UInt32

from neuralgpu.config import OptimiserConfig
from neuralgpu.model.noise import gaussian, random_bits, truncated_gaussian


def noised(
    gradients: PyTree,
    config: OptimiserConfig,
    learning_rate: Float[Array, ""],
    step: Int[Array, ""],
    seed: UInt32[Array, ""],
) -> PyTree:
    """Adds noise to every gradient.

    Args:
        gradients: arrays of any shape; each gets noise of its own.
        config: its `gradient_noise` is not 0.
        learning_rate: of this step; the form 'rate' follows it.
        step: number of steps made, from 0; the form 'decaying' follows it.
        seed: decides the noise, another one in every step.
    """
    if config.gradient_noise_form == "decaying":
        draw = gaussian
        deviation = jnp.sqrt(config.gradient_noise / (1.0 + step) ** config.gradient_noise_decay)
    else:
        draw = truncated_gaussian
        deviation = config.gradient_noise * learning_rate
    leaves, structure = jax.tree.flatten(gradients)
    seeds = random_bits(seed, (len(leaves),))
    noisy = [leaf + deviation * draw(own, leaf.shape) for leaf, own in zip(leaves, seeds, strict=True)]
    return jax.tree.unflatten(structure, noisy)

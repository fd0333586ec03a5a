"""Adam in TensorFlow's form and AdaMax without bias correction, as gradient transformations of Optax."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from neuralgpu.config import OptimiserConfig
from neuralgpu.training.gradient_noise import noised


class AdamState(NamedTuple):
    """First and second moment of every parameter."""

    steps: Int[Array, ""]
    first: PyTree
    second: PyTree


class AdaMaxState(NamedTuple):
    """First moment and decayed maximum of every parameter's gradient."""

    steps: Int[Array, ""]
    first: PyTree
    maximum: PyTree


def gradient_norm(gradients: PyTree, squares: PyTree) -> Float[Array, ""]:
    """Returns the global norm of gradients.

    Args:
        gradients: arrays.
        squares: of the same structure, with None for an array that is squared itself, and the sum of the squared
            slices for one that was added up from slices.
    """
    return jnp.sqrt(sum(jnp.sum(part) for part in jax.tree.leaves(_squared(gradients, squares))))


def _squared(gradients: PyTree, squares: PyTree) -> PyTree:
    return jax.tree.map(lambda g, s: g**2 if s is None else s, gradients, squares)


def adam(config: OptimiserConfig, beta1: float = 0.9, beta2: float = 0.999) -> optax.GradientTransformationExtraArgs:
    """Adam whose epsilon is added to a root that is not bias-corrected: lr_t = lr sqrt(1 - b2^t) / (1 - b1^t).

    Gradients are first scaled down to the largest global norm that the settings allow. The updater takes
    `learning_rate` as an argument, so that it can change without a new compilation, and `squares` for
    `gradient_norm`, which then feed the second moment, too; gradient noise takes `seed`.
    """

    def init(params: PyTree) -> AdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdamState(jnp.zeros((), jnp.int32), zeros, zeros)

    def update(updates: Any, state: Any, params: Any = None, **settings: Any) -> tuple[Any, Any]:
        gradients = updates
        squares = settings.get("squares", jax.tree.map(lambda _: None, gradients))
        if config.max_grad_norm:
            scale = config.max_grad_norm / jnp.maximum(gradient_norm(gradients, squares), config.max_grad_norm)
            gradients = jax.tree.map(lambda g: g * scale, gradients)
            squares = jax.tree.map(lambda s: s * scale**2, squares)
        if config.gradient_noise:
            gradients = noised(gradients, config, settings["learning_rate"], state.steps, settings["seed"])
        steps = state.steps + 1
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.first, gradients)
        second = jax.tree.map(lambda v, s: beta2 * v + (1 - beta2) * s, state.second, _squared(gradients, squares))
        rate = settings["learning_rate"] * jnp.sqrt(1 - beta2**steps) / (1 - beta1**steps)
        updates = jax.tree.map(lambda m, v: -rate * m / (jnp.sqrt(v) + config.epsilon), first, second)
        return updates, AdamState(steps, first, second)

    return optax.GradientTransformationExtraArgs(init, update)


def adamax(config: OptimiserConfig, beta1: float = 0.9, epsilon: float = 1e-8) -> optax.GradientTransformationExtraArgs:
    """AdaMax as in Freivalds & Liepins 2017.

    Every gradient is clipped to +-(1.2 v + 1e-4), v its decayed maximum so far, which decays by
    beta2 = 1 - max(floor, decay * 0.5^(step / half_life)); published with 5e-4, 0.01 and 2000.
    """

    def init(params: PyTree) -> AdaMaxState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdaMaxState(jnp.zeros((), jnp.int32), zeros, zeros)

    def update(updates: Any, state: Any, params: Any = None, **settings: Any) -> tuple[Any, Any]:
        halved = config.maximum_decay * 0.5 ** (state.steps / config.maximum_decay_half_life)
        beta2 = 1 - jnp.maximum(config.maximum_decay_floor, halved)
        gradients = updates
        if config.gradient_noise:
            gradients = noised(gradients, config, settings["learning_rate"], state.steps, settings["seed"])
        gradients = jax.tree.map(lambda g, v: jnp.clip(g, -(1.2 * v + 1e-4), 1.2 * v + 1e-4), gradients, state.maximum)
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.first, gradients)
        maximum = jax.tree.map(lambda v, g: jnp.maximum(beta2 * v, jnp.abs(g)), state.maximum, gradients)
        updates = jax.tree.map(lambda m, v: -settings["learning_rate"] * m / (v + epsilon), first, maximum)
        return updates, AdaMaxState(state.steps + 1, first, maximum)

    return optax.GradientTransformationExtraArgs(init, update)


def optimiser(config: OptimiserConfig) -> optax.GradientTransformationExtraArgs:
    """Returns the transformation that the settings name."""
    return adam(config) if config.name == "adam" else adamax(config)

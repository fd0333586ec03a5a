"""The nonlinearities of a cell in the fused kernels, and their slopes from the values that are kept."""

from typing import Any

import jax.numpy as jnp
from jax.experimental.pallas import triton
from jaxtyping import Array

from neuralgpu.model.cell import hard_sigmoid, hard_tanh
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused.tile import interpreted


def gate(x: Array, column: Array, config: ModelConfig, dtype: Any) -> tuple[Array, Array]:
    """Returns the pre-activations of both gates with their offsets, and the gates' values.

    Args:
        x: what was convolved.
        column: of the reset gate's channels, followed by those of the update gate.
        config: of the model.
        dtype: in which the values are kept.
    """
    if config.cell == "diagonal":
        x = x + jnp.where(column < config.channels, 0.5, 0.7)[None, :]
        return x, hard_sigmoid(x)
    cutoff = config.sigmoid_cutoff or 1.0
    value = cutoff * (0.5 * _tanh(0.5 * (x + 1), dtype) + 0.5) - (cutoff - 1) / 2
    return x, jnp.clip(value, 0, 1) if config.sigmoid_cutoff else value


def gate_slope(value: Array, config: ModelConfig) -> Array:
    """Returns the slope of a gate that has this value."""
    if config.cell == "diagonal":
        return jnp.where((value > 0) & (value < 1), 0.5, 0.0)
    cutoff = config.sigmoid_cutoff or 1.0
    uncut = (value + (cutoff - 1) / 2) / cutoff
    slope = cutoff * uncut * (1 - uncut)
    return jnp.where((value > 0) & (value < 1), slope, 0) if config.sigmoid_cutoff else slope


def candidate(x: Array, config: ModelConfig, dtype: Any) -> Array:
    """Returns the candidate of a pre-activation."""
    if config.cell == "diagonal":
        return hard_tanh(x)
    value = _tanh(x, dtype)
    return jnp.clip(config.tanh_cutoff * value, -1, 1) if config.tanh_cutoff else value


def candidate_slope(value: Array, config: ModelConfig) -> Array:
    """Returns the slope of a candidate that has this value."""
    if config.cell == "diagonal":
        return jnp.where(jnp.abs(value) < 1, 1.0, 0.0)
    cutoff = config.tanh_cutoff or 1.0
    uncut = value / cutoff
    slope = cutoff * (1 - uncut * uncut)
    return jnp.where(jnp.abs(value) < 1, slope, 0) if config.tanh_cutoff else slope


def excess(x: Array, there: Array, config: ModelConfig) -> Array:
    """Returns the saturation cost of a tile's pre-activations."""
    return jnp.sum(jnp.where(there, jnp.maximum(jnp.abs(x) - config.saturation_limit, 0), 0))


def excess_slope(value: Array, config: ModelConfig) -> Array:
    """Returns the slope of the saturation cost by a pre-activation, which is `value` where that is not cut off."""
    return jnp.where(value > config.saturation_limit, 1.0, 0.0) - jnp.where(value < -config.saturation_limit, 1.0, 0.0)


def _tanh(x: Array, dtype: Any) -> Array:
    """Returns tanh(x), by the processor's own approximation where the result is kept in half precision."""
    return triton.approx_tanh(x) if dtype == jnp.bfloat16 and not interpreted() else jnp.tanh(x)

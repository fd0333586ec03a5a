"""Batch normalisation after a step (Ioffe & Szegedy 2015), as the published program has it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from neuralgpu.model.arrays import AnyArray, at_least_single
from neuralgpu.model.convolution import State

EXAMPLE_AXIS = "example"
"""Name of the axis that the examples of a batch are mapped over by `vmap`."""
_EPSILON = 1e-3
_DECAY = 0.8


class Moments(NamedTuple):
    """Mean and variance of each channel."""

    mean: Float[Array, "*leading channel"]
    variance: Float[Array, "*leading channel"]


class BatchNorm(eqx.Module):
    """Scale and offset of each channel after its moments are taken out; one for each relaxed copy."""

    scale: Float[Array, "*copy channel"]
    offset: Float[Array, "*copy channel"]
    running: Moments
    """Follows the moments of the training batches; no gradient moves it."""

    def __call__(self, state: State, moments: Moments) -> State:
        """Normalises one state, padding included: it is not masked afterwards."""
        scale = self.scale * jax.lax.rsqrt(moments.variance + _EPSILON)
        return ((state - moments.mean) * scale + self.offset).astype(state.dtype)

    def change_by(self, moments: Moments) -> Moments:
        """Returns what the moments of every step, [round, copy, channel], change the running ones by.

        Each round moves them by a fifth of the way.
        """
        rounds = len(moments.mean)
        weights = (1 - _DECAY) * _DECAY ** jnp.arange(rounds - 1, -1, -1)
        return jax.tree.map(
            lambda seen, old: jnp.tensordot(weights, seen, 1) - (1 - _DECAY**rounds) * old, moments, self.running
        )


def initial_batch_norm(copies: int, channels: int) -> BatchNorm:
    """Returns the normalisation of every copy: scale 1, offset 0, running mean 0 and variance 1."""
    zeros, ones = jnp.zeros((copies, channels)), jnp.ones((copies, channels))
    return BatchNorm(ones, zeros, Moments(zeros, ones))


class Company(NamedTuple):
    """The places of a batch whose states are normalised together."""

    counted: Float[AnyArray, "length 1 1"]
    """1 for the positions of this example that count, else 0."""
    axes: tuple[str, ...]
    """Names of the axes that the batch's examples are mapped over; none for an example on its own."""

    def moments(self, state: State) -> Moments:
        """Returns the moments over all counted places of the batch; the same for each of its examples."""
        state = at_least_single(state)
        places = jnp.maximum(self._total(jnp.sum(self.counted) * state.shape[1]), 1)
        mean = self._total(jnp.sum(state * self.counted, axis=(0, 1))) / places
        variance = self._total(jnp.sum(jnp.square(state - mean) * self.counted, axis=(0, 1))) / places
        return Moments(mean, variance)

    def _total(self, part: Array) -> Array:
        return jax.lax.psum(part, self.axes) if self.axes else part

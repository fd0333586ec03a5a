"""A global operation, which moves data any distance in one step (paper, section 6).

A cellular automaton moves data by a few positions a step. The operation is applied once a step, after the layers. What
it gives is a mean of the state as it is and of the state as it is elsewhere, so it stays within the state's bounds.
New weights leave the state nearly as it is.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from neuralgpu.model.arrays import AnyArray, at_least_single
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.convolution import State

_POWERS = 13
"""Distances are powers of two below 2**_POWERS."""
_STAY = 8.0
"""What no shift has over the other 26 at first: they make 1% of the result."""
_SHARPNESS = 10.0
"""A weight that moves by 1 moves what shifts are chosen by as far as the choice is to be made in hundreds of steps."""
_KEEP = -5.0
"""Of the gate at first: attention makes 1% of the result."""

SHIFTS = (0, *(sign * 2**power for power in range(_POWERS) for sign in (1, -1)))
"""Positions by which the operation 'shift' can move a channel; positive to the right."""


class Shift(eqx.Module):
    """Moves every channel along the length by amounts that do not depend on the input.

    The amounts are learned as a distribution over `SHIFTS`, one for each channel, so that the gradient sees near and
    far ones alike. What leaves the input is lost; nothing comes from outside.
    """

    weights: Float[Array, "channel shift"]

    def __call__(self, state: State, mask: Bool[AnyArray, "length"]) -> State:
        """Returns the moved state, zero outside the mask."""
        length = len(state)
        shares = jax.nn.softmax(_SHARPNESS * at_least_single(self.weights) + _STAY * (np.array(SHIFTS) == 0))
        shares = shares.astype(state.dtype)
        # A shift by the whole bucket or more moves everything out of it.
        possible = [(index, shift) for index, shift in enumerate(SHIFTS) if abs(shift) < length]
        reach = max(shift for _, shift in possible)
        padded = jnp.pad(state, ((reach, reach), (0, 0), (0, 0)))
        moved = [shares[:, index] * padded[reach - shift : reach - shift + length] for index, shift in possible]
        return sum(moved[1:], start=moved[0]) * mask[:, None, None]


class Attention(eqx.Module):
    """Lets every position read the state of others that it chooses by their content.

    The choice is softmax(query . key / sqrt(width)) over the positions inside the mask; the read state replaces the
    position's own as far as a gate for each channel allows. It does not know where a position is.
    """

    query: Float[Array, "rows_channels width"]
    key: Float[Array, "rows_channels width"]
    gate: Float[Array, "channel channel"]
    gate_bias: Float[Array, "channel"]

    def __call__(self, state: State, mask: Bool[AnyArray, "length"]) -> State:
        """Returns the state after reading, zero outside the mask."""
        flat = state.reshape(len(state), -1)
        scores = at_least_single((flat @ self.query) @ (flat @ self.key).T) / self.query.shape[1] ** 0.5
        # A finite lowest score: an example of padding only has no other one.
        shares = jax.nn.softmax(jnp.where(mask, scores, jnp.finfo(scores.dtype).min)).astype(state.dtype)
        read = (shares @ flat).reshape(state.shape)
        gate = jax.nn.sigmoid(state @ self.gate + self.gate_bias + _KEEP)
        return (state + gate * (read - state)) * mask[:, None, None]


GlobalOperation = Shift | Attention


def initial_operation(key: Array, config: ModelConfig) -> GlobalOperation:
    """Draws the weights of the operation that the settings name: queries and keys Glorot uniform, all others 0."""
    if config.global_operation == "shift":
        return Shift(jnp.zeros((config.channels, len(SHIFTS))))
    shape = (config.height * config.channels, config.attention_width)
    limit = (6 / sum(shape)) ** 0.5
    query, key = (jax.random.uniform(part, shape, minval=-limit, maxval=limit) for part in jax.random.split(key))
    return Attention(query, key, jnp.zeros((config.channels, config.channels)), jnp.zeros(config.channels))

"""One layer of a step: the convolutional GRU and its diagonal relative."""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.convolution import Banded, Convolution, Direct, State
from neuralgpu.model.noise import dropout


class Disturbance(NamedTuple):
    """What training does to one layer of one step of one example."""

    rate: Float[AnyArray, ""]
    """Dropout rate."""
    seed: UInt32[Array, ""]


class CGRU(eqx.Module):
    """Convolutional gated recurrent unit (Kaiser & Sutskever 2015, eq. 2) with cutoffs (section 3 of the paper)."""

    gates: Convolution | Banded | Direct
    """Reset gate in the first half of the output channels, update gate in the second."""
    candidate: Convolution | Banded | Direct
    sigmoid_cutoff: float = eqx.field(static=True)
    tanh_cutoff: float = eqx.field(static=True)

    def __call__(self, state: State, disturbance: Disturbance | None) -> tuple[State, Float[Array, ""]]:
        """Returns the next state, and 0: this cell has no saturation cost. Dropout acts before the step, not here."""
        reset, update = jnp.split(self._sigmoid(self.gates(state) + 1), 2, axis=-1)
        candidate = self._tanh(self.candidate(reset * state))
        return update * state + (1 - update) * candidate, jnp.zeros(())

    def _sigmoid(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        cutoff = self.sigmoid_cutoff
        return jnp.clip(cutoff * jax.nn.sigmoid(x) - (cutoff - 1) / 2, 0, 1) if cutoff else jax.nn.sigmoid(x)

    def _tanh(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.clip(self.tanh_cutoff * jnp.tanh(x), -1, 1) if self.tanh_cutoff else jnp.tanh(x)


class DiagonalCGRU(eqx.Module):
    """CGRU with hard units whose gate passes each channel's own, left or right neighbour (Freivalds & Liepins 2017).

    Of n channels the first n - 2 * (n // 3) keep their place, the next n // 3 come from the left neighbour and the
    last n // 3 from the right one; with the shift 'none' all keep their place.
    """

    gates: Convolution | Banded | Direct
    candidate: Convolution | Banded | Direct
    saturation_limit: float = eqx.field(static=True)
    dropout: bool = eqx.field(static=True)
    shift: Literal["thirds", "none"] = eqx.field(static=True)

    def __call__(self, state: State, disturbance: Disturbance | None) -> tuple[State, Float[Array, ""]]:
        """Returns the next state and the summed saturation cost of this step's pre-activations."""
        gates = self.gates(state) + jnp.repeat(jnp.array([0.5, 0.7]), state.shape[-1])
        reset, update = jnp.split(hard_sigmoid(gates), 2, axis=-1)
        pre_candidate = self.candidate(reset * state)
        candidate = hard_tanh(pre_candidate)
        saturation = jnp.zeros(())
        if disturbance is not None:
            saturation = saturation_cost(gates, self.saturation_limit) + saturation_cost(
                pre_candidate, self.saturation_limit
            )
            if self.dropout:
                candidate = dropout(candidate, disturbance.rate, disturbance.seed)
        passed = state if self.shift == "none" else _shifted(state)
        return update * passed + (1 - update) * candidate, saturation


def hard_sigmoid(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns clip(x / 2 + 1 / 2, 0, 1)."""
    return jnp.clip(x / 2 + 0.5, 0, 1)


def hard_tanh(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns clip(x, -1, 1)."""
    return jnp.clip(x, -1, 1)


def saturation_cost(x: Float[Array, "..."], limit: float) -> Float[Array, ""]:
    """Returns the sum by which magnitudes exceed the limit."""
    return jnp.sum(jnp.maximum(jnp.abs(x) - limit, 0))


def _shifted(state: State) -> State:
    third = state.shape[-1] // 3
    stay, from_left, from_right = jnp.split(state, [state.shape[-1] - 2 * third, state.shape[-1] - third], axis=-1)
    pad = ((1, 0), (0, 0), (0, 0))
    return jnp.concatenate(
        [stay, jnp.pad(from_left, pad)[:-1], jnp.pad(from_right, ((0, 1), (0, 0), (0, 0)))[1:]], axis=-1
    )


Cell = CGRU | DiagonalCGRU


def prepared(cell: Cell, height: int) -> Cell:
    """Returns the cell with its convolutions in the form for this height, made once for all the steps of an unroll."""
    return jax.tree.map(
        lambda part: part.prepared(height) if isinstance(part, Convolution) else part,
        cell,
        is_leaf=lambda part: isinstance(part, Convolution),
    )


def initial_cell(key: Array, config: ModelConfig) -> Cell:
    """Draws a cell's weights: U(+-1.8 sqrt(3 / (9 C))) for 'cgru' (the published program), Glorot for 'diagonal'."""
    gates_key, candidate_key = jax.random.split(key)
    channels, area = config.channels, config.kernel * config.kernel_rows
    if config.cell == "cgru":
        limit = 1.8 * (3 / (area * channels)) ** 0.5
    else:
        limit = (6 / (2 * area * channels)) ** 0.5

    def convolution(key: Array, out: int) -> Convolution:
        shape = (config.kernel, config.kernel_rows, channels, out)
        return Convolution(jax.random.uniform(key, shape, minval=-limit, maxval=limit), jnp.zeros(out))

    gates, candidate = convolution(gates_key, 2 * channels), convolution(candidate_key, channels)
    if config.cell == "cgru":
        return CGRU(gates, candidate, config.sigmoid_cutoff, config.tanh_cutoff)
    return DiagonalCGRU(gates, candidate, config.saturation_limit, config.dropout > 0, config.shift)

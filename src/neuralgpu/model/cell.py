"""One layer of a step: the convolutional GRU, its diagonal relative and the residual layer."""

from functools import partial
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, UInt32

from neuralgpu.model.arrays import AnyArray, at_least_single
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.convolution import Convolution, Form, State
from neuralgpu.model.noise import dropout
from neuralgpu.model.results import Results
from neuralgpu.model.winograd import Winograd


class Disturbance(NamedTuple):
    """What training does to one layer of one step of one example."""

    rate: Float[AnyArray, ""]
    """Dropout rate."""
    seed: UInt32[Array, ""]


class Context(NamedTuple):
    """What a layer of a step is given beside its own state."""

    before: State
    """The state that the step's first layer is given."""
    task: Float[Array, "length height task"] | None
    """The task's code, for the input of every convolution."""
    results: Results | None = None
    """Where the results of convolutions are noted that take long to compute again."""

    def convolved(self, convolution: Convolution | Form, state: State) -> Float[Array, "length height out"]:
        """Returns what a convolution makes of a state and the task's code beside it."""
        whole = state if self.task is None else jnp.concatenate([state, self.task], axis=-1)
        if self.results is None or not isinstance(convolution, Winograd):
            return convolution(whole)
        return self.results.of(convolution, whole)


class CGRU(eqx.Module):
    """Convolutional gated recurrent unit (Kaiser & Sutskever 2015, eq. 2) with cutoffs (section 3 of the paper)."""

    gates: Convolution | Form
    """Reset gate in the first half of the output channels, update gate in the second."""
    candidate: Convolution | Form
    sigmoid_cutoff: float = eqx.field(static=True)
    tanh_cutoff: float = eqx.field(static=True)
    sigmoid_smooth: float = eqx.field(static=True)
    tanh_smooth: float = eqx.field(static=True)

    def __call__(
        self, state: State, disturbance: Disturbance | None, context: Context
    ) -> tuple[State, Float[Array, ""]]:
        """Returns the next state, and 0: this cell has no saturation cost. Dropout acts before the step, not here."""
        gates = cut_sigmoid(context.convolved(self.gates, state) + 1, self.sigmoid_cutoff, self.sigmoid_smooth)
        reset, update = jnp.split(gates, 2, axis=-1)
        candidate = context.convolved(self.candidate, reset * state)
        candidate = cut_tanh(candidate, self.tanh_cutoff, self.tanh_smooth)
        return update * state + (1 - update) * candidate, jnp.zeros(())


class Residual(eqx.Module):
    """One convolution of a residual block, whose layers are a step (the paper's 'resnet instead of GRU')."""

    convolution: Convolution | Form
    closes: bool = eqx.field(static=True)
    """Whether it is the block's last one, to which the state before the block is added."""

    def __call__(
        self, state: State, disturbance: Disturbance | None, context: Context
    ) -> tuple[State, Float[Array, ""]]:
        """Returns the next state, and 0: this cell has no saturation cost. Dropout acts before the step, not here."""
        new = context.convolved(self.convolution, state)
        return jax.nn.relu(context.before + new if self.closes else new), jnp.zeros(())


class DiagonalCGRU(eqx.Module):
    """CGRU with hard units whose gate passes each channel's own, left or right neighbour (Freivalds & Liepins 2017).

    Of n channels the first n - 2 * (n // 3) keep their place, the next n // 3 come from the left neighbour and the
    last n // 3 from the right one; with the shift 'none' all keep their place.
    """

    gates: Convolution | Form
    candidate: Convolution | Form
    saturation_limit: float = eqx.field(static=True)
    dropout: bool = eqx.field(static=True)
    shift: Literal["thirds", "none"] = eqx.field(static=True)

    def __call__(
        self, state: State, disturbance: Disturbance | None, context: Context
    ) -> tuple[State, Float[Array, ""]]:
        """Returns the next state and the summed saturation cost of this step's pre-activations."""
        gates = context.convolved(self.gates, state) + jnp.repeat(jnp.array([0.5, 0.7], state.dtype), state.shape[-1])
        reset, update = jnp.split(hard_sigmoid(gates), 2, axis=-1)
        pre_candidate = context.convolved(self.candidate, reset * state)
        candidate = hard_tanh(pre_candidate)
        saturation = jnp.zeros(())
        if disturbance is not None:
            saturation = excess(gates, self.saturation_limit) + excess(pre_candidate, self.saturation_limit)
            if self.dropout:
                candidate = dropout(candidate, disturbance.rate, disturbance.seed)
        passed = state if self.shift == "none" else _shifted(state)
        return update * passed + (1 - update) * candidate, saturation


def cut_sigmoid(x: Float[Array, "..."], cutoff: float, smooth: float) -> Float[Array, "..."]:
    """Returns clip(c * sigmoid(x) - (c - 1) / 2, 0, 1) for the cutoff c, a plain sigmoid for 0.

    With `smooth` s it has the gradient that it would have if it were clipped to [-(s - 1) / 2, 1 + (s - 1) / 2].
    """
    if not cutoff:
        return jax.nn.sigmoid(x)
    uncut = cutoff * jax.nn.sigmoid(x) - (cutoff - 1) / 2
    return _clip_smoothly(uncut, 0.0, 1.0, (smooth - 1) / 2) if smooth else jnp.clip(uncut, 0, 1)


def cut_tanh(x: Float[Array, "..."], cutoff: float, smooth: float) -> Float[Array, "..."]:
    """Returns clip(c * tanh(x), -1, 1) for the cutoff c, a plain tanh for 0.

    With `smooth` s it has the gradient that it would have if it were clipped to [-s, s].
    """
    if not cutoff:
        return jnp.tanh(x)
    uncut = cutoff * jnp.tanh(x)
    return _clip_smoothly(uncut, -1.0, 1.0, smooth - 1) if smooth else jnp.clip(uncut, -1, 1)


def _clip_smoothly(x: Float[Array, "..."], low: float, high: float, beyond: float) -> Float[Array, "..."]:
    """Returns clip(x, low, high), with the gradient of clip(x, low - beyond, high + beyond)."""
    wide = jnp.clip(x, low - beyond, high + beyond)
    return jax.lax.stop_gradient(jnp.clip(x, low, high)) + (wide - jax.lax.stop_gradient(wide))


def hard_sigmoid(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns clip(x / 2 + 1 / 2, 0, 1)."""
    return jnp.clip(x / 2 + 0.5, 0, 1)


def hard_tanh(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns clip(x, -1, 1)."""
    return jnp.clip(x, -1, 1)


def excess(x: Float[Array, "..."], limit: float) -> Float[Array, ""]:
    """Returns the sum of what magnitudes have beyond the limit."""
    return jnp.sum(jnp.maximum(jnp.abs(at_least_single(x)) - limit, 0))


@jax.custom_jvp
def _shifted(state: State) -> State:
    """Gives the last two thirds of the channels what their left and their right neighbour have in them."""
    return _shifted_from(state, -1)


@_shifted.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (state,), (tangent,) = primals, tangents
    (shifted,) = jax.linear_transpose(partial(_shifted_from, offset=1), state)(tangent)
    return _shifted(state), shifted


def _shifted_from(state: State, offset: int) -> State:
    """Returns the state with the middle third of the channels from `offset` positions further, the last from behind.

    They are chosen from whole states: a loop over the pieces of a state branches, and then a CPU runs it one lane at a
    time. So would the derived gradient's, which is why it is a shift the other way round.
    """
    length, channels = len(state), state.shape[-1]
    channel, third = jnp.arange(channels), channels // 3
    wide = jnp.pad(state, ((1, 1), (0, 0), (0, 0)))
    neighbours = (wide[1 + further : 1 + further + length] for further in (offset, -offset))
    return jnp.where(channel < channels - 2 * third, state, jnp.where(channel < channels - third, *neighbours))


Cell = CGRU | DiagonalCGRU | Residual


def prepared(cell: Cell, height: int, dtype: DTypeLike) -> Cell:
    """Returns the cell with its convolutions in the form for states of this height and type.

    They are made once for all the steps of an unroll.
    """
    return jax.tree.map(
        lambda part: part.prepared(height, dtype) if isinstance(part, Convolution) else part,
        cell,
        is_leaf=lambda part: isinstance(part, Convolution),
    )


def initial_cell(key: Array, config: ModelConfig, layer: int = 0) -> Cell:
    """Draws a cell's weights, for n inputs of a 3 x 3 convolution.

    'cgru' and 'residual': U(+-1.8 sqrt(3 / (9 n))), the published program. 'diagonal': Glorot uniform.
    """
    gates_key, candidate_key = jax.random.split(key)
    inputs, channels = config.channels + config.task_channels, config.channels
    area = config.kernel * config.kernel_rows
    if config.cell == "diagonal":
        limit = (6 / (area * (inputs + channels))) ** 0.5
    else:
        limit = 1.8 * (3 / (area * inputs)) ** 0.5

    def convolution(key: Array, out: int) -> Convolution:
        shape = (config.kernel, config.kernel_rows, inputs, out)
        return Convolution(jax.random.uniform(key, shape, minval=-limit, maxval=limit), jnp.zeros(out))

    if config.cell == "residual":
        return Residual(convolution(gates_key, channels), closes=layer == config.layers - 1)
    gates, candidate = convolution(gates_key, 2 * channels), convolution(candidate_key, channels)
    if config.cell == "diagonal":
        return DiagonalCGRU(gates, candidate, config.saturation_limit, config.dropout > 0, config.shift)
    return CGRU(gates, candidate, config.sigmoid_cutoff, config.tanh_cutoff, config.sigmoid_smooth, config.tanh_smooth)

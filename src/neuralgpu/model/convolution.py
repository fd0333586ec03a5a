"""The convolution of a cell, in the form that the device is fastest with."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from neuralgpu.model.winograd import HEIGHT, Winograd, winograd

State = Float[Array, "length height channel"]

_WIDE = 64
"""Channels from which the kernel's gradient is taken row by row on a CPU, not as a band's.

A classic training step, side by side in one process on two cores: with 24 channels the rows take 1.04 to 1.08 of the
band's time, with 128 they take 0.92. In between nothing is measured.
"""
_SINGLE = 32
_WIDE_FOR_POINTS = 48
"""Channels from which a CPU convolves by products of points.

A classic training step with them takes 0.91 and 0.86 (lengths 11 and 41) of the direct form's time with 48 channels,
0.80 and 0.72 with 64, 0.69 and 0.62 with 128; with batches of 8 and 4, at 128 channels and length 11, it takes 0.81 and
0.87. At 128, 0.91 and 0.94 of it are owed to results that are kept. With 24 channels it takes 1.15.
"""


class Banded(eqx.Module):
    """A convolution as three shifts along the length and one matrix product.

    Rows are folded into the matrix, whose blocks form a band. Under `vmap` over seeds this stays one batched
    matrix product, where a convolution would become a grouped one.
    """

    matrix: Float[Array, "rows_out offsets_rows_in"]
    bias: Float[Array, "out"]

    def __call__(self, state: State) -> Float[Array, "length height out"]:
        """Convolves one state."""
        return _banded(state, self.matrix) + self.bias


class Direct(eqx.Module):
    """A convolution as one, which spares the products with the band's zeros."""

    kernel: Float[Array, "width rows in out"]
    bias: Float[Array, "out"]

    def __call__(self, state: State) -> Float[Array, "length height out"]:
        """Convolves one state."""
        return _convolved(state, self.kernel) + self.bias


Form = Banded | Direct | Winograd


class Convolution(eqx.Module):
    """A 2-D convolution with zero padding, as TensorFlow's SAME."""

    kernel: Float[Array, "width rows in out"]
    bias: Float[Array, "out"]

    def __call__(self, state: State) -> Float[Array, "length height out"]:
        """Convolves one state."""
        return self.prepared(state.shape[1], state.dtype)(state)

    def prepared(self, height: int, dtype: DTypeLike = jnp.float32) -> Form:
        """Returns the form that states of this height and type are convolved with.

        A training step of the classic model takes 0.85 of the time on a CPU with the direct form, if seeds are not
        batched; batched, it takes 1.7 of it. A state of one or two rows has no zeros in its band to spare, and XLA's
        convolution of two rows goes wrong on several CPU devices: of 8 states of 401 positions and 48 channels, the
        first one comes out wrong in every call of a loop from some 340 on (JAX 0.10.2). With four rows that was not
        seen. Points need single precision.
        """
        if height < HEIGHT or jax.default_backend() != "cpu":
            return Banded(_band_matrix(self.kernel, height), self.bias)
        width, rows, channels, _ = self.kernel.shape
        fits = (width, rows, height) == (3, 3, HEIGHT) and jnp.finfo(dtype).bits >= _SINGLE
        if fits and channels >= _WIDE_FOR_POINTS:
            return winograd(self.kernel, self.bias)
        return Direct(self.kernel, self.bias)


def _band_matrix(kernel: Float[Array, "width rows in out"], height: int) -> Float[Array, "rows_out offsets_rows_in"]:
    width, rows, channels, out = kernel.shape
    offset = jnp.arange(height)[:, None] - jnp.arange(height)[None, :] + rows // 2
    band = jax.nn.one_hot(offset, rows, dtype=kernel.dtype)
    matrix = jnp.einsum("wrio,hgr->gowhi", kernel, band)
    return matrix.reshape(height * out, width * height * channels)


def _banded_product(
    state: State, matrix: Float[Array, "rows_out offsets_rows_in"]
) -> Float[Array, "length height out"]:
    length, height, channels = state.shape
    offsets = matrix.shape[1] // (height * channels)
    flat = jnp.pad(state.reshape(length, height * channels), ((offsets // 2, offsets // 2), (0, 0)))
    window = jnp.concatenate([flat[shift : shift + length] for shift in range(offsets)], axis=1)
    return _product(window, matrix).reshape(length, height, -1)


@jax.custom_jvp
def _banded(state: State, matrix: Float[Array, "rows_out offsets_rows_in"]) -> Float[Array, "length height out"]:
    """Returns the banded product, with a gradient of the state that is one as well, with the mirrored band.

    The gradient that JAX derives adds up shifted parts; a CPU runs that sum one lane at a time.
    """
    return _banded_product(state, matrix)


@_banded.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (state, matrix), (state_tangent, matrix_tangent) = primals, tangents
    result, rows_in = _banded(state, matrix), state.shape[1] * state.shape[2]
    by_offset = jnp.flip(matrix.reshape(len(matrix), -1, rows_in), 1)
    mirrored = by_offset.transpose(2, 1, 0).reshape(rows_in, -1)
    (through_state,) = jax.linear_transpose(partial(_banded_product, matrix=mirrored), result)(state_tangent)
    return result, through_state + _banded_product(state, matrix_tangent)


def _product(windows: Float[Array, "length in"], matrix: Float[Array, "out in"]) -> Float[Array, "length out"]:
    """Multiplies windows with a matrix that lies as [out, in].

    The matrix's gradient is then the cotangent, transposed, times the windows. XLA's CPU products write a transposed
    first factor anew, and the windows are larger: by themselves these products take 1.2 to 2 times as long the other
    way round, of a whole step that is a few percent.
    """
    return jax.lax.dot_general(windows, matrix, (((1,), (1,)), ((), ())))


def _convolution(state: State, kernel: Float[Array, "width rows in out"]) -> Float[Array, "length height out"]:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(state[None], kernel, (1, 1), "SAME", dimension_numbers=layout)[0]


@jax.custom_jvp
def _convolved(state: State, kernel: Float[Array, "width rows in out"]) -> Float[Array, "length height out"]:
    """Convolves one state, with derivatives whose transposes, which the backward pass runs, are fast.

    XLA puts the axes of a convolution in the order it is fast for, but not inside a loop, where the gradients that
    JAX derives take up to 200 times as long (JAX 0.10.2).
    """
    return _convolution(state, kernel)


@_convolved.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (state, kernel), (state_tangent, kernel_tangent) = primals, tangents
    result = _convolved(state, kernel)
    # The transpose of a convolution in the fast order: transposed again it is that convolution.
    mirrored = jax.lax.optimization_barrier(jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    (through_state,) = jax.linear_transpose(partial(_convolution, kernel=mirrored), result)(state_tangent)
    if state.shape[-1] >= _WIDE:
        return result, through_state + _convolved_by_rows(state, kernel_tangent)
    return result, through_state + _banded_product(state, _band_matrix(kernel_tangent, state.shape[1]))


def _convolved_by_rows(state: State, kernel: Float[Array, "width rows in out"]) -> Float[Array, "length height out"]:
    """Convolves one state row by row, each by one product with the windows of the rows that it sees.

    Made to be transposed: the kernel's gradient is a product for each row, without those with a band's zeros.
    """
    length, height, _ = state.shape
    width, rows, _, out = kernel.shape
    padded = jnp.pad(state, ((width // 2, width // 2), (0, 0), (0, 0)))
    turned, results = jnp.moveaxis(kernel, -1, 0), []
    for row in range(height):
        first, last = max(0, row - rows // 2), min(height, row + rows // 2 + 1)
        windows = [padded[shift : shift + length, first:last].reshape(length, -1) for shift in range(width)]
        seen = slice(first - row + rows // 2, last - row + rows // 2)
        results.append(_product(jnp.concatenate(windows, axis=1), turned[:, :, seen].reshape(out, -1)))
    return jnp.stack(results, axis=1)

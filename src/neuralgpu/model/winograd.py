"""A 3 x 3 convolution by fewer products (Lavin & Gray 2016), for wide states on a CPU.

Results are computed tile by tile, 2 positions by 4 rows. Of a tile's window, of the kernel and of the results there
are 24 linear combinations, the points: point by point, the window's times the kernel's are those of the results. These
are 24 products of channels, where the convolution has 60 (72 less those with the rows beyond the edges, which are
zero). The combinations are products with small constant matrices, so that what takes time is a product of matrices.
"""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

HEIGHT = 4
"""Rows of the states that this form convolves: those of a tile."""
_POSITIONS = 2
"""Positions of a tile."""

# F(2, 3) of the points 0, 1, -1 and infinity along the length; F(4, 3) of 0, 1, -1, 2, -2 and infinity along the rows.
_WINDOW_2 = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_KERNEL_2 = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2
_RESULT_2 = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
_WINDOW_4 = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_KERNEL_4 = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_RESULT_4 = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])

_OF_WINDOW = np.kron(_WINDOW_2, _WINDOW_4[:, 1:-1])
"""[points, positions x rows of a window], without its rows beyond the edges."""
_OF_KERNEL = np.kron(_KERNEL_2, _KERNEL_4)
"""[points, width x rows of the kernel]."""
_OF_RESULT = np.kron(_RESULT_2, _RESULT_4)
"""[positions x rows of a tile, points]."""

State = Float[Array, "length height channel"]
Points = Float[Array, "point tile channel"]


class Winograd(eqx.Module):
    """A convolution of states of 4 rows by products of points."""

    kernel: Float[Array, "offset out in"]
    """With the channels in the order in which the gradients of its points come out of a product."""
    bias: Float[Array, "out"]

    def __call__(self, state: State) -> Float[Array, "length height out"]:
        """Convolves one state."""
        length = len(state)
        windows: Any = _window_points(state, length)
        points = jax.lax.dot_general(windows, _kernel_points(self.kernel), (((2,), (2,)), ((0,), (0,))))
        return jnp.asarray(_result(points, length)) + self.bias


def winograd(kernel: Float[Array, "width rows in out"], bias: Float[Array, "out"]) -> Winograd:
    """Returns the form of a convolution that has a 3 x 3 kernel."""
    return Winograd(jnp.swapaxes(kernel.reshape(-1, *kernel.shape[2:]), 1, 2), bias)


def _combined(matrix: np.ndarray, parts: Float[Array, "part a b"]) -> Float[Array, "combination a b"]:
    return jax.lax.dot_general(jnp.asarray(matrix, parts.dtype), parts, (((1,), (0,)), ((), ())))


# The derivatives of the combinations are placed by hand: those that JAX derives have the points along the last axis,
# where XLA has to move every number to its place.


@jax.custom_vjp
def _kernel_points(kernel: Float[Array, "offset out in"]) -> Float[Array, "point out in"]:
    return _combined(_OF_KERNEL, kernel)


_kernel_points.defvjp(
    lambda kernel: (_kernel_points(kernel), None),
    lambda _, cotangent: (_combined(_OF_KERNEL.T, cotangent),),
)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _window_points(state: State, length: int) -> Points:
    return _combined(_OF_WINDOW, _windows(state))


_window_points.defvjp(
    lambda state, length: (_window_points(state, length), None),
    lambda length, _, cotangent: (_added_up(_combined(_OF_WINDOW.T, cotangent), length),),
)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _result(points: Points, length: int) -> State:
    return _from_tiles(_combined(_OF_RESULT, points))[:length]


_result.defvjp(
    lambda points, length: (_result(points, length), None),
    lambda length, _, cotangent: (_combined(_OF_RESULT.T, _to_tiles(cotangent)),),
)


def _windows(state: State) -> Float[Array, "part tile channel"]:
    """Returns the parts of every tile's window: its 4 positions by the rows."""
    tiles = -(-len(state) // _POSITIONS)
    tiled = _to_tiles(jnp.pad(state, ((1, (tiles + 1) * _POSITIONS - len(state) - 1), (0, 0), (0, 0))))
    return jnp.concatenate([tiled[:, :-1], tiled[:, 1:]])


def _added_up(parts: Float[Array, "part tile channel"], length: int) -> State:
    """Returns the state that windows were taken of, each place with the sum of what the windows have for it."""
    first, second = jnp.split(parts, 2)
    tiled = jnp.pad(first, ((0, 0), (0, 1), (0, 0))) + jnp.pad(second, ((0, 0), (1, 0), (0, 0)))
    return _from_tiles(tiled)[1 : 1 + length]


def _to_tiles(state: State) -> Float[Array, "part tile channel"]:
    length, height, channels = state.shape
    padded = jnp.pad(state, ((0, -length % _POSITIONS), (0, 0), (0, 0)))
    return jnp.moveaxis(padded.reshape(-1, _POSITIONS * height, channels), 0, 1)


def _from_tiles(parts: Float[Array, "part tile channel"]) -> State:
    return jnp.moveaxis(parts, 0, 1).reshape(-1, HEIGHT, parts.shape[-1])

"""The gradients of the kernels and biases, from what the forward and the backward pass have left."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from neuralgpu.model.fused.forward import Place
from neuralgpu.model.fused.shape import MOST_IN, MOST_OUT, Shape, tile_of
from neuralgpu.model.fused.tile import Tile, interpreted, read

_WARPS = 8
_STAGES = 1
_PARTS = 4
"""Parts of a batch that are summed by a program each: enough programs to keep a GPU busy."""


def kernel_slope(shape: Shape, states: Array, slopes: Array, last: Array, out: int) -> tuple[Array, Array]:
    """Returns the gradients of one kind of kernels [layer, copy, window, out] and of their biases, [layer, copy, out].

    Args:
        shape: of the batch.
        states: what was convolved, `Shape.record` of the channels, flat.
        slopes: gradients of the results, `Shape.record` of `out` channels, flat.
        last: number of each example's last step.
        out: channels of a result.
    """
    window, parts = shape.taps * shape.channels, math.gcd(shape.batch, _PARTS)
    rows, columns = _window_tile(shape), tile_of(out, MOST_OUT)
    grid = (shape.layers * shape.copies, parts, -(-(window + 1) // rows), -(-out // columns))
    sums = pl.pallas_call(
        partial(_sum, shape, out, parts),
        out_shape=jax.ShapeDtypeStruct((math.prod(grid) * rows * columns,), jnp.float32),
        grid=(grid[0] * grid[1], *grid[2:]),
        in_specs=[pl.BlockSpec()] * 3,
        out_specs=pl.BlockSpec(),
        compiler_params=triton.CompilerParams(num_warps=_WARPS, num_stages=_STAGES),
        interpret=interpreted(),
        name="neural_gpu_kernel_slope",
    )(states, slopes, last)
    total = jnp.sum(sums.reshape(shape.layers, shape.copies, *grid[1:], rows, columns), 2)
    whole = total.swapaxes(3, 4).reshape(shape.layers, shape.copies, grid[2] * rows, grid[3] * columns)
    return whole[:, :, :window, :out], whole[:, :, window, :out]


def _window_tile(shape: Shape) -> int:
    """Returns the columns of a window that a program takes, among them one behind the last, for the bias."""
    return tile_of(shape.taps * shape.channels + 1, MOST_IN)


def _sum(shape: Shape, out: int, parts: int, states: Any, slopes: Any, lasts: Any, sums: Any) -> None:
    channels, window = shape.channels, shape.taps * shape.channels
    rows, columns = _window_tile(shape), tile_of(out, MOST_OUT)
    copy_and_part, row_tile, column_tile = (pl.program_id(axis) for axis in range(3))
    of_layers, part = jax.lax.div(copy_and_part, parts), jax.lax.rem(copy_and_part, parts)
    layer, copy = jax.lax.div(of_layers, shape.copies), jax.lax.rem(of_layers, shape.copies)
    first_row, first_column = row_tile * rows, column_tile * columns
    bias = (first_row + jnp.arange(rows) == window)[None, :]
    count = shape.batch // parts

    def add_example(number: Array, total: Array) -> Array:
        example = part * count + number
        rounds = jax.lax.div(lasts[example] - copy + shape.copies, shape.copies)

        def add(number: Array, total: Array) -> Array:
            place = Place(shape, example, jax.lax.div(number, shape.tiles) * shape.copies + copy, layer)
            tile = Tile(shape, jax.lax.rem(number, shape.tiles))
            seen = read(states, place.of(channels), tile.window(first_row, rows, channels))
            seen = jnp.where(bias, jnp.ones_like(seen), seen)
            caused = read(slopes, place.of(out), tile.columns(first_column, columns, out))
            return total + jax.lax.dot_general(
                seen, caused, (((0,), (0,)), ((), ())), preferred_element_type=jnp.float32
            )

        return jax.lax.fori_loop(0, rounds * shape.tiles, add, total)

    total = jax.lax.fori_loop(0, count, add_example, jnp.zeros((rows, columns), jnp.float32))
    number = (copy_and_part * pl.num_programs(1) + row_tile) * pl.num_programs(2) + column_tile
    where = jnp.arange(rows)[:, None] * columns + jnp.arange(columns)[None, :]
    triton.store(sums.at[number * (rows * columns) + where], total)

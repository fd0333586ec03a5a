"""What the fused kernels are made of: tiles of places, their neighbours, and products with a kernel's matrix."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.pallas import triton
from jaxtyping import Array

from neuralgpu.model.fused.shape import PLACES, Shape, tiles
from neuralgpu.model.noise import gaussian_of, random_bits_at


class Tile:
    """Some places of an example: rows of the matrices that the kernels multiply."""

    def __init__(self, shape: Shape, number: Array | int) -> None:
        self.shape = shape
        self.place = number * PLACES + jnp.arange(PLACES)
        self.exists = (self.place < shape.places)[:, None]

    def columns(self, begin: Array | int, width: int, channels: int) -> tuple[Array, Array]:
        """Returns the offsets of some channels of the tile's places in a flat array, and which of them are there."""
        column = begin + jnp.arange(width)
        return self.place[:, None] * channels + column[None, :], self.exists & (column < channels)[None, :]

    def shifted(self, begin: int, width: int, channels: int, backwards: bool = False) -> tuple[Array, Array]:
        """Returns where the diagonal gate's inputs lie, see `cell.DiagonalCGRU`.

        Args:
            begin: of the channels.
            width: number of channels.
            channels: of the state.
            backwards: where the places lie that the channels are an input of, instead.
        """
        column, third, height = begin + jnp.arange(width), channels // 3, self.shape.height
        left, right = column >= channels - 2 * third, column >= channels - third
        move = jnp.where(right, height, jnp.where(left, -height, 0)) * (-1 if backwards else 1)
        offset, there = self.columns(begin, width, channels)
        place = self.place[:, None] + move[None, :]
        return offset + (move * channels)[None, :], there & (place >= 0) & (place < self.shape.places)

    def window(self, begin: Array | int, width: int, channels: int) -> tuple[Array, Array]:
        """Returns where a part of the places' windows lies: of each neighbour that a kernel sees, all channels.

        A window's columns are ordered as [position, row, channel].
        """
        shape, height = self.shape, self.shape.height
        line, beside = shape.kernel_rows * channels, shape.kernel_rows // 2
        column = begin + jnp.arange(width)
        within = jax.lax.rem(column, line)
        shift = (jax.lax.div(column, line) - shape.kernel // 2) * height
        offset = self.place[:, None] * channels + (shift * channels + within - beside * channels)[None, :]
        moved = self.place[:, None] + shift[None, :]
        there = self.exists & (moved >= 0) & (moved < shape.places) & (column < shape.taps * channels)[None, :]
        row = jax.lax.rem(self.place, height)
        for missing in range(beside):
            above = (row == missing)[:, None] & (within < (beside - missing) * channels)[None, :]
            below = (row == height - 1 - missing)[:, None] & (within >= (beside + 1 + missing) * channels)[None, :]
            there = there & ~above & ~below
        return offset, there


def read(ref: Any, base: Array | int, where: tuple[Array, Array]) -> Array:
    """Reads a tile from a flat array; what is not there is zero."""
    offset, there = where
    return triton.load(ref.at[base + offset], mask=there, other=0)


def write(ref: Any, base: Array | int, where: tuple[Array, Array], values: Array) -> None:
    """Writes a tile into a flat array, as far as it is there."""
    offset, there = where
    triton.store(ref.at[base + offset], values.astype(ref.dtype), mask=there)


def convolved(
    tile: Tile,
    source: Any,
    base: Array | int,
    channels: int,
    matrix: Any,
    matrix_base: Array | int,
    out: int,
    bias: Any = None,
    bias_base: Array | int = 0,
) -> Sequence[tuple[tuple[int, int], Array]]:
    """Convolves a tile of places with one copy's kernel.

    Args:
        tile: the places.
        source: flat array that the states lie in.
        base: where the example's state begins there.
        channels: of that state.
        matrix: flat array of the matrices [window, channels out], padded as tiles are.
        matrix_base: where the copy's matrix begins there.
        out: channels of the result.
        bias: flat array of the biases, padded as tiles are; None for none.
        bias_base: where the copy's biases begin there.

    Returns:
        For each tile of the channels out its begin and size, and the result, in single precision.
    """
    _, outside = tile.shape.matrix(channels, out)
    sums = [jnp.zeros((PLACES, width), jnp.float32) for _, width in tiles(out)]
    if bias is not None:
        rows = [triton.load(bias.at[bias_base + first + jnp.arange(size)]) for first, size in tiles(out)]
        sums = [jnp.broadcast_to(row[None, :], (PLACES, len(row))) for row in rows]
    cuts = tile.shape.window_tiles(channels)

    def add(begin: Array | int, width: int, sums: list[Array]) -> list[Array]:
        window = read(source, base, tile.window(begin, width, channels))
        row = matrix_base + (begin + jnp.arange(width)) * outside
        parts = [
            triton.load(matrix.at[row[:, None] + (first + jnp.arange(size))[None, :]]) for first, size in tiles(out)
        ]
        return [
            total + jnp.dot(window, part, preferred_element_type=jnp.float32)
            for total, part in zip(sums, parts, strict=True)
        ]

    if len(cuts) <= 2:
        for begin, width in cuts:
            sums = add(begin, width, sums)
    else:
        width = cuts[0][1]
        sums = jax.lax.fori_loop(0, len(cuts), lambda number, sums: add(number * width, width, sums), sums)
    return list(zip(tiles(out), sums, strict=True))


def kept_by_dropout(tile: Tile, begin: int, width: int, rate: Array, seed: Array) -> Array:
    """Returns which channels of a tile's places `model.noise.dropout` keeps."""
    return _bits(tile, begin, width, seed) >= (rate * 4294967040.0).astype(jnp.uint32)


def noise(tile: Tile, begin: int, width: int, seed: Array) -> Array:
    """Returns what `model.noise.gaussian` draws for channels of a tile's places."""
    return gaussian_of(_bits(tile, begin, width, seed))


def _bits(tile: Tile, begin: int, width: int, seed: Array) -> Array:
    offset, _ = tile.columns(begin, width, tile.shape.channels)
    return random_bits_at(offset.astype(jnp.uint32), seed)


def each_tile(shape: Shape, body: Callable[[Tile, Array], Array], total: Array) -> Array:
    """Runs `body` for every tile of an example; what it returns is what it is given with the next one."""
    return jax.lax.fori_loop(0, shape.tiles, lambda number, total: body(Tile(shape, number), total), total)


def interpreted() -> bool:
    """Says whether kernels are run by an interpreter, as they are for tests where no GPU is."""
    return jax.default_backend() != "gpu"


def barrier() -> None:
    """Lets the threads of an example see what the others wrote."""
    if not interpreted():  # there is one thread then
        triton.debug_barrier()

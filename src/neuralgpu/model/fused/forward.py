"""All the steps of an example in one kernel, forwards."""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused import units
from neuralgpu.model.fused.shape import Shape, covered, tiles
from neuralgpu.model.fused.tile import (
    Tile,
    barrier,
    convolved,
    each_tile,
    interpreted,
    kept_by_dropout,
    noise,
    read,
    write,
)
from neuralgpu.model.noise import random_bits_at

WARPS = 4
STAGES = 1
"""How Triton is to run a program: both measured, see the lab notes. More warps wait for each other, and loads that are
begun a stage ahead go around the first-level cache."""


class Matrices(NamedTuple):
    """The kernels and biases of all copies and layers; see `tile.convolved` for how a matrix lies."""

    gates: Any
    candidate: Any
    gates_bias: Any
    candidate_bias: Any


class Given(NamedTuple):
    """What is known of the examples; but for the first two and the last, arrays with one element an example."""

    state: Any
    """Before the first step, [batch, position, row, channel]."""
    weight: Any
    """1 where the input or its target has a symbol, [batch, position]."""
    last: Any
    """Number of the last step that changes the example."""
    seed: Any
    amounts: Any
    """Dropout rate and standard deviation of the noise, of all examples."""


class Kept(NamedTuple):
    """What the forward pass leaves, but for the first two each as `Shape.record`."""

    result: Any
    """State after the last step, [batch, position, row, channel]."""
    saturation: Any
    """Saturation cost of an example, [batch]; 0 where the cell has none."""
    state: Any
    """What each layer was given, after dropout."""
    reset_state: Any
    """Reset gate times state."""
    gates: Any
    candidate: Any


class Place(NamedTuple):
    """Where a layer's step of an example lies in the flat arrays, counted in records of one channel."""

    shape: Shape
    example: Array | int
    step: Array
    layer: Array | int

    @property
    def copy(self) -> Array:
        """Number of the copy, of all layers' copies."""
        return self.layer * self.shape.copies + jax.lax.rem(self.step, self.shape.copies)

    def of(self, channels: int) -> Array:
        """Returns where the record of so many channels begins."""
        shape = self.shape
        number = (self.copy * shape.rounds + jax.lax.div(self.step, shape.copies)) * shape.batch + self.example
        return number * (shape.places * channels)


def step_seed(shape: Shape, seed: Array, step: Array | int, which: Array | int) -> Array:
    """Returns what decides one of a step's draws, as the unrolled model draws it.

    Args:
        shape: of the batch.
        seed: of the example.
        step: its number.
        which: a layer's number for its dropout, then the noise, then the dropout on the state.
    """
    of_step = random_bits_at(jnp.uint32(0), jnp.asarray(step).astype(jnp.uint32))
    return random_bits_at(jnp.uint32(which), seed ^ of_step)


def weight_of(tile: Tile, weight: Any, example: Array | int) -> Array:
    """Returns the weights of a tile's places as a column."""
    position = jnp.minimum(jax.lax.div(tile.place, tile.shape.height), tile.shape.length - 1)
    return triton.load(weight.at[example * tile.shape.length + position])[:, None]


def run_forward(shape: Shape, config: ModelConfig, given: Given, matrices: Matrices) -> Kept:
    """Runs all the steps of a batch.

    Arrays are flat; see `Given`, `Matrices` and `Kept`.
    """
    dtype, channels = given.state.dtype, shape.channels

    def record(count: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((math.prod(shape.record(count)),), dtype)

    kept = Kept(
        jax.ShapeDtypeStruct((shape.batch * shape.places * channels,), dtype),
        jax.ShapeDtypeStruct((shape.batch,), jnp.float32),
        *map(record, (channels, channels, 2 * channels, channels)),
    )
    whole = pl.BlockSpec()
    return Kept(
        *pl.pallas_call(
            partial(_forward, shape, config),
            out_shape=tuple(kept),
            grid=(shape.batch,),
            in_specs=[whole] * (len(given) + len(matrices)),
            out_specs=(whole,) * len(kept),
            compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=STAGES),
            interpret=interpreted(),
            name="neural_gpu_forward",
        )(*given, *matrices)
    )


def shifts(config: ModelConfig) -> bool:
    """Says whether the update gate passes on neighbours."""
    return config.cell == "diagonal" and config.shift == "thirds"


def _forward(shape: Shape, config: ModelConfig, *refs: Any) -> None:
    given, matrices = Given(*refs[:5]), Matrices(*refs[5:9])
    kept = Kept(*refs[9:])
    example, channels, dtype = pl.program_id(0), shape.channels, kept.state.dtype
    diagonal = config.cell == "diagonal"
    last, seed, rate, strength = given.last[example], given.seed[example], given.amounts[0], given.amounts[1]
    own = example * shape.places * channels

    def dropped(tile: Tile, begin: int, width: int, values: Array, step: Array | int, which: Array | int) -> Array:
        if not config.dropout:
            return values
        stays = kept_by_dropout(tile, begin, width, rate, step_seed(shape, seed, step, which))
        return jnp.where(stays, values * (1 / (1 - rate)), 0)

    def disturbed(tile: Tile, begin: int, width: int, values: Array, step: Array | int) -> Array:
        """Returns a state as a step's first layer is given it."""
        return values if diagonal else dropped(tile, begin, width, values, step, shape.layers + 1)

    def begin_with(tile: Tile, total: Array) -> Array:
        first = Place(shape, example, jnp.int32(0), 0)
        for begin, width in tiles(channels):
            where = tile.columns(begin, width, channels)
            values = read(given.state, own, where).astype(jnp.float32)
            write(kept.result, own, where, values)  # of an example that takes no step
            write(kept.state, first.of(channels), where, disturbed(tile, begin, width, values, 0))
        return total

    def step(number: Array, total: Array) -> Array:
        for layer in range(shape.layers):
            here = Place(shape, example, number, layer)
            total = each_tile(shape, partial(open_gates, here), total)
            barrier()
            total = each_tile(shape, partial(move, here), total)
            barrier()
        return total

    def open_gates(here: Place, tile: Tile, total: Array) -> Array:
        base, gate_base = here.of(channels), here.of(2 * channels)
        matrix = here.copy * math.prod(shape.matrix(channels, 2 * channels))
        bias = here.copy * covered(tiles(2 * channels))
        product = convolved(
            tile, kept.state, base, channels, matrices.gates, matrix, 2 * channels, matrices.gates_bias, bias
        )
        for (begin, width), found in product:
            found, opened = units.gate(found, begin + jnp.arange(width), config, dtype)
            where = tile.columns(begin, width, 2 * channels)
            write(kept.gates, gate_base, where, opened)
            if diagonal:
                total = total + units.excess(found, where[1], config)
            if begin < channels:
                where = tile.columns(begin, width, channels)
                write(kept.reset_state, base, where, opened * read(kept.state, base, where).astype(jnp.float32))
        return total

    def move(here: Place, tile: Tile, total: Array) -> Array:
        base, gate_base = here.of(channels), here.of(2 * channels)
        matrix = here.copy * math.prod(shape.matrix(channels, channels))
        bias = here.copy * covered(tiles(channels))
        weight = weight_of(tile, given.weight, example)
        product = convolved(
            tile, kept.reset_state, base, channels, matrices.candidate, matrix, channels, matrices.candidate_bias, bias
        )
        for (begin, width), found in product:
            where = tile.columns(begin, width, channels)
            candidate = units.candidate(found, config, dtype)
            write(kept.candidate, base, where, candidate)
            passed = tile.shifted(begin, width, channels) if shifts(config) else where
            old = read(kept.state, base, passed).astype(jnp.float32)
            upper = (tile.columns(channels + begin, width, 2 * channels)[0], where[1])
            update = read(kept.gates, gate_base, upper).astype(jnp.float32)
            if diagonal:
                total = total + units.excess(found, where[1], config)
                candidate = dropped(tile, begin, width, candidate, here.step, here.layer)
            new = (update * old + (1 - update) * candidate) * weight
            if here.layer < shape.layers - 1:
                write(kept.state, here._replace(layer=here.layer + 1).of(channels), where, new)
            else:
                end_step(here, tile, (begin, width), new, weight)
        return total

    def end_step(here: Place, tile: Tile, cut: tuple[int, int], new: Array, weight: Array) -> None:
        offset, there = tile.columns(*cut, channels)
        if config.noise:
            drawn = noise(tile, *cut, step_seed(shape, seed, here.step, shape.layers))
            new = new + strength * drawn * weight
        ends = jnp.broadcast_to(here.step == last, there.shape)
        write(kept.result, own, (offset, there & ends), new)
        after = here._replace(step=here.step + 1, layer=0)
        write(kept.state, after.of(channels), (offset, there & ~ends), disturbed(tile, *cut, new, after.step))

    each_tile(shape, begin_with, jnp.float32(0))
    barrier()
    kept.saturation[example] = jax.lax.fori_loop(0, last + 1, step, jnp.float32(0))

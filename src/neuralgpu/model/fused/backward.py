"""All the steps of an example in one kernel, backwards."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused import units
from neuralgpu.model.fused.forward import STAGES, WARPS, Given, Kept, Place, shifts, step_seed, weight_of
from neuralgpu.model.fused.shape import Shape, tiles
from neuralgpu.model.fused.tile import Tile, barrier, convolved, each_tile, interpreted, kept_by_dropout, read, write


class Known(NamedTuple):
    """What the backward pass is given; arrays are flat."""

    weight: Any
    last: Any
    seed: Any
    amounts: Any
    """These four as in `Given`."""
    state: Any
    gates: Any
    candidate: Any
    """These three as in `Kept`."""
    slope: Any
    """Gradient of the result, in single precision."""
    saturation_slope: Any
    """Gradient of an example's saturation cost, [batch]."""
    gates_matrix: Any
    candidate_matrix: Any
    """As the forward pass's, of the mirrored kernels that map gradients back."""


class Slopes(NamedTuple):
    """What the backward pass leaves; the first two in single precision, [batch, position, row, channel]."""

    state: Any
    """Gradient of the state before the first step."""
    passed: Any
    """Of what the update gate of the layer in work passes on; of no use afterwards."""
    gates: Any
    """Gradients of the gates' pre-activations, `Shape.record` of twice the channels."""
    candidate: Any
    """Gradients of the candidates' pre-activations, `Shape.record`."""


def run_backward(
    shape: Shape,
    config: ModelConfig,
    given: Given,
    kept: Kept,
    slope: Array,
    saturation_slope: Array,
    gates_matrix: Array,
    candidate_matrix: Array,
) -> Slopes:
    """Returns the gradients of a batch, given those of its results; see `Known`."""
    known = Known(
        *given[1:],
        kept.state,
        kept.gates,
        kept.candidate,
        slope,
        saturation_slope,
        gates_matrix,
        candidate_matrix,
    )
    dtype, channels = kept.state.dtype, shape.channels
    own = jax.ShapeDtypeStruct((shape.batch * shape.places * channels,), jnp.float32)
    slopes = Slopes(
        own,
        own,
        jax.ShapeDtypeStruct((math.prod(shape.record(2 * channels)),), dtype),
        jax.ShapeDtypeStruct((math.prod(shape.record(channels)),), dtype),
    )
    whole = pl.BlockSpec()
    return Slopes(
        *pl.pallas_call(
            partial(_backward, shape, config),
            out_shape=tuple(slopes),
            grid=(shape.batch,),
            in_specs=[whole] * len(known),
            out_specs=(whole,) * len(slopes),
            compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=STAGES),
            interpret=interpreted(),
            name="neural_gpu_backward",
        )(*known)
    )


def _backward(shape: Shape, config: ModelConfig, *refs: Any) -> None:
    known, found = Known(*refs[: len(Known._fields)]), Slopes(*refs[len(Known._fields) :])
    example, channels = pl.program_id(0), shape.channels
    last, seed, rate = known.last[example], known.seed[example], known.amounts[0]
    saturation = known.saturation_slope[example]
    own = example * shape.places * channels
    diagonal = config.cell == "diagonal"
    nothing = jnp.float32(0)

    def single(ref: Any, base: Any, where: tuple[Array, Array]) -> Array:
        return read(ref, base, where).astype(jnp.float32)

    def undropped(tile: Tile, cut: tuple[int, int], values: Array, here: Place, which: Array | int) -> Array:
        """Returns the gradient before a dropout."""
        if not config.dropout:
            return values
        stays = kept_by_dropout(tile, *cut, rate, step_seed(shape, seed, here.step, which))
        return jnp.where(stays, values * (1 / (1 - rate)), 0)

    def begin_with(tile: Tile) -> None:
        for cut in tiles(channels):
            where = tile.columns(*cut, channels)
            write(found.state, own, where, read(known.slope, own, where))

    def update(here: Place, tile: Tile) -> None:
        """From the result of the layer to the candidate, the update gate, and what that passes on."""
        base, gate_base = here.of(channels), here.of(2 * channels)
        weight = weight_of(tile, known.weight, example)
        for cut in tiles(channels):
            begin, width = cut
            where = tile.columns(begin, width, channels)
            upper = (tile.columns(channels + begin, width, 2 * channels)[0], where[1])
            new = single(found.state, own, where) * weight
            opened, candidate = single(known.gates, gate_base, upper), single(known.candidate, base, where)
            old = single(known.state, base, tile.shifted(begin, width, channels) if shifts(config) else where)
            through, mixed = new * (1 - opened), candidate
            if diagonal:
                through = undropped(tile, cut, through, here, here.layer)
                mixed = undropped(tile, cut, candidate, here, here.layer)  # dropout is its own transpose
            of_candidate = through * units.candidate_slope(candidate, config)
            of_gate = new * (old - mixed) * units.gate_slope(opened, config)
            if diagonal:
                of_candidate = of_candidate + saturation * units.excess_slope(candidate, config)
                of_gate = of_gate + saturation * units.excess_slope(2 * opened - 1, config)
            write(found.candidate, base, where, of_candidate)
            write(found.gates, gate_base, upper, of_gate)
            write(found.passed, own, where, new * opened)

    def reset(here: Place, tile: Tile) -> None:
        """From the candidate to the reset gate and the state behind it."""
        base, gate_base = here.of(channels), here.of(2 * channels)
        matrix = here.copy * math.prod(shape.matrix(channels, channels))
        product = convolved(tile, found.candidate, base, channels, known.candidate_matrix, matrix, channels)
        for (begin, width), through in product:
            where = tile.columns(begin, width, channels)
            lower = (tile.columns(begin, width, 2 * channels)[0], where[1])
            opened, old = single(known.gates, gate_base, lower), single(known.state, base, where)
            of_gate = through * old * units.gate_slope(opened, config)
            if diagonal:
                of_gate = of_gate + saturation * units.excess_slope(2 * opened - 1, config)
            write(found.gates, gate_base, lower, of_gate)
            passed = tile.shifted(begin, width, channels, backwards=True) if shifts(config) else where
            write(found.state, own, where, single(found.passed, own, passed) + through * opened)

    def state(here: Place, tile: Tile) -> None:
        """From the gates to the state, and through the dropout before the step."""
        matrix = here.copy * math.prod(shape.matrix(2 * channels, channels))
        product = convolved(
            tile, found.gates, here.of(2 * channels), 2 * channels, known.gates_matrix, matrix, channels
        )
        for cut, through in product:
            where = tile.columns(*cut, channels)
            total = single(found.state, own, where) + through
            if not diagonal and here.layer == 0:
                total = undropped(tile, cut, total, here, shape.layers + 1)
            write(found.state, own, where, total)

    def in_turn(body: Callable[[Tile], None]) -> None:
        def of_tile(tile: Tile, total: Array) -> Array:
            body(tile)
            return total

        each_tile(shape, of_tile, nothing)
        barrier()

    def step(back: Array, total: Array) -> Array:
        for layer in reversed(range(shape.layers)):
            here = Place(shape, example, last - back, layer)
            for part in (update, reset, state):
                in_turn(partial(part, here))
        return total

    in_turn(begin_with)
    jax.lax.fori_loop(0, last + 1, step, nothing)

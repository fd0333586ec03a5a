"""The step loop of a batch by the fused kernels, with its gradient."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from neuralgpu.model.cell import CGRU, Cell, DiagonalCGRU
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.convolution import Convolution
from neuralgpu.model.fused.backward import run_backward
from neuralgpu.model.fused.forward import Given, Kept, Matrices, run_forward
from neuralgpu.model.fused.kernel_slope import kernel_slope
from neuralgpu.model.fused.shape import Shape, covered, tiles
from neuralgpu.model.neural_gpu import Training


def unroll_fused(
    cells: tuple[Cell, ...],
    state: Float[Array, "batch length height channel"],
    weight: Float[Array, "batch length"],
    last: Int[Array, "batch"],
    training: Training,
    config: ModelConfig,
    rounds: int,
) -> tuple[Float[Array, "batch length height channel"], Float[Array, "batch"]]:
    """Runs all the steps of a batch, in the precision of the state.

    Args:
        cells: of each layer, with the relaxed copies along the leading axis.
        state: before the first step; zero outside the mask.
        weight: the mask as numbers.
        last: number of each example's last step.
        training: with the examples' seeds along the axis of `seed`.
        config: one that the kernels know, see `ModelConfig.not_fusible`.
        rounds: number of rounds of the copies that all examples' steps fit into.

    Returns:
        The last states, and the saturation costs of the steps.
    """
    (batch, bucket), dtype = weight.shape, state.dtype
    shape = Shape.of(config, batch, bucket, rounds)
    pairs = [_convolutions(cell) for cell in cells]
    kernels = [jnp.stack([one.kernel.astype(dtype) for one in kind]) for kind in zip(*pairs, strict=True)]
    biases = [jnp.stack([one.bias for one in kind]) for kind in zip(*pairs, strict=True)]
    last = jnp.minimum(last, shape.steps - 1).astype(jnp.int32)
    amounts = jnp.stack([jnp.asarray(amount, jnp.float32) for amount in (training.dropout, training.noise)])
    return _unrolled(shape, config, *kernels, *biases, state, weight, last, jnp.asarray(training.seed), amounts)


def _convolutions(cell: Cell) -> tuple[Convolution, Convolution]:
    """Returns a cell's convolutions, of the gates and of the candidate."""
    assert isinstance(cell, CGRU | DiagonalCGRU)
    assert isinstance(cell.gates, Convolution)
    assert isinstance(cell.candidate, Convolution)
    return cell.gates, cell.candidate


Results = tuple[Array, Array]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _unrolled(shape: Shape, config: ModelConfig, *arguments: Array) -> Results:
    return _forwards(shape, config, *arguments)[0]


def _forwards(shape: Shape, config: ModelConfig, *arguments: Array) -> tuple[Results, Any]:
    gates, candidate, gates_bias, candidate_bias, state, *about = arguments
    matrices = Matrices(_matrix(shape, gates), _matrix(shape, candidate), _row(gates_bias), _row(candidate_bias))
    kept = run_forward(shape, config, Given(state.ravel(), *(part.ravel() for part in about)), matrices)
    return (kept.result.reshape(state.shape), kept.saturation), (arguments, kept)


def _backwards(shape: Shape, config: ModelConfig, saved: tuple[Any, Kept], slope: Results) -> tuple[Any, ...]:
    (gates, candidate, gates_bias, candidate_bias, state, *about), kept = saved
    given = Given(state.ravel(), *(part.ravel() for part in about))
    slopes = run_backward(
        shape,
        config,
        given,
        kept,
        slope[0].astype(jnp.float32).ravel(),
        slope[1],
        _matrix(shape, _mirrored(gates)),
        _matrix(shape, _mirrored(candidate)),
    )
    of_kernels: list[Array] = []
    of_biases: list[Array] = []
    for kernel, bias, states, caused in (
        (gates, gates_bias, kept.state, slopes.gates),
        (candidate, candidate_bias, kept.reset_state, slopes.candidate),
    ):
        of_kernel, of_bias = kernel_slope(shape, states, caused, given.last, kernel.shape[-1])
        of_kernels.append(of_kernel.reshape(kernel.shape).astype(kernel.dtype))
        of_biases.append(of_bias.astype(bias.dtype))
    of_state = slopes.state.reshape(state.shape).astype(state.dtype)
    return (*of_kernels, *of_biases, of_state, *(None,) * len(about))


_unrolled.defvjp(_forwards, _backwards)


def _matrix(shape: Shape, kernels: Array) -> Array:
    """Returns kernels [layer, copy, position, row, in, out] as `tile.convolved` reads them."""
    channels, out = kernels.shape[-2:]
    flat = kernels.reshape(*kernels.shape[:2], -1, out)
    rows, columns = shape.matrix(channels, out)
    return jnp.pad(flat, ((0, 0), (0, 0), (0, rows - flat.shape[2]), (0, columns - out))).ravel()


def _row(biases: Array) -> Array:
    missing = covered(tiles(biases.shape[-1])) - biases.shape[-1]
    return jnp.pad(biases, ((0, 0), (0, 0), (0, missing))).ravel()


def _mirrored(kernels: Array) -> Array:
    return jnp.flip(kernels, (2, 3)).swapaxes(-1, -2)

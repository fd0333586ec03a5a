"""Every cell against a reference written with plain loops."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.cell import (
    CGRU,
    Cell,
    Context,
    DiagonalCGRU,
    Disturbance,
    Residual,
    cut_sigmoid,
    cut_tanh,
    excess,
    initial_cell,
    prepared,
)
from neuralgpu.model.config import ModelConfig

LENGTH, CHANNELS = 4, 5
quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""
CONFIGS = {
    "cgru, height 1, cutoff": ModelConfig(height=1),
    "cgru, height 2, plain": ModelConfig(height=2, sigmoid_cutoff=0.0),
    "cgru, height 2, tanh cutoff": ModelConfig(height=2, sigmoid_cutoff=0.0, tanh_cutoff=1.3),
    "cgru, height 4, both cutoffs": ModelConfig(height=4, tanh_cutoff=1.3),
    "cgru, height 4, kernel 5": ModelConfig(height=4, kernel=5),
    "diagonal, height 1": ModelConfig(cell="diagonal", height=1),
    "diagonal, height 2": ModelConfig(cell="diagonal", height=2),
    "diagonal, no shift, limit 0.5": ModelConfig(cell="diagonal", height=1, shift="none", saturation_limit=0.5),
    "residual, last layer": ModelConfig(cell="residual", height=2, layers=1),
    "residual, inner layer": ModelConfig(cell="residual", height=2, layers=2),
}
configs = pytest.mark.parametrize(
    "config", [replace(config, channels=CHANNELS, dropout=0.0) for config in CONFIGS.values()], ids=CONFIGS.keys()
)


def wide_cell(config: ModelConfig) -> Cell:
    """Draws a cell whose weights and biases are large enough to reach every cutoff."""
    cell = jax.eval_shape(lambda: initial_cell(jax.random.key(3), config))
    rng = np.random.default_rng(4)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.8, leaf.shape), jnp.float32), cell)


def random_state(config: ModelConfig) -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, (LENGTH, config.height, CHANNELS)).astype(np.float32)


def beside(state: np.ndarray) -> Context:
    """Returns the context of a layer that is not told its task, in a step that began with another state."""
    return Context(jnp.roll(state, 1, axis=0), None)


def convolved(state: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Adds up, for every position and row, what each neighbour that exists contributes."""
    length, height, _ = state.shape
    width, rows = kernel.shape[:2]
    result = np.zeros((length, height, kernel.shape[3]))
    for position in range(length):
        for row in range(height):
            total = bias.astype(np.float64)
            for across in range(width):
                for down in range(rows):
                    source, source_row = position + across - width // 2, row + down - rows // 2
                    if 0 <= source < length and 0 <= source_row < height:
                        total = total + state[source, source_row].astype(np.float64) @ kernel[across, down]
            result[position, row] = total
    return result


def weights_of(part: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(part.kernel), np.asarray(part.bias)


def cgru_step(state: np.ndarray, cell: CGRU, reached: set[str]) -> np.ndarray:
    def cut(values: np.ndarray, low: float, name: str) -> np.ndarray:
        reached.update(name for bound in (low, 1) if np.any((values > 1) if bound == 1 else (values < low)))
        return np.minimum(np.maximum(values, low), 1)

    def gate(x: np.ndarray) -> np.ndarray:
        plain = 1 / (1 + np.exp(-x))
        c = cell.sigmoid_cutoff
        return cut(c * plain - (c - 1) / 2, 0, "sigmoid") if c else plain

    kernel, bias = weights_of(cell.gates)
    reset = gate(convolved(state, kernel[..., :CHANNELS], bias[:CHANNELS]) + 1)
    update = gate(convolved(state, kernel[..., CHANNELS:], bias[CHANNELS:]) + 1)
    candidate = np.tanh(convolved(reset * state, *weights_of(cell.candidate)))
    if cell.tanh_cutoff:
        candidate = cut(cell.tanh_cutoff * candidate, -1, "tanh")
    return update * state + (1 - update) * candidate


def diagonal_step(state: np.ndarray, cell: DiagonalCGRU) -> tuple[np.ndarray, float]:
    def hard(x: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(x / 2 + 0.5, 0), 1)

    kernel, bias = weights_of(cell.gates)
    before_reset = convolved(state, kernel[..., :CHANNELS], bias[:CHANNELS]) + 0.5
    before_update = convolved(state, kernel[..., CHANNELS:], bias[CHANNELS:]) + 0.7
    reset, update = hard(before_reset), hard(before_update)
    before_candidate = convolved(reset * state, *weights_of(cell.candidate))
    candidate = np.minimum(np.maximum(before_candidate, -1), 1)
    moved = np.zeros_like(state)
    third = CHANNELS // 3 if cell.shift == "thirds" else 0
    for position in range(LENGTH):
        for channel in range(CHANNELS):
            source = position
            if channel >= CHANNELS - third:
                source = position + 1
            elif channel >= CHANNELS - 2 * third:
                source = position - 1
            if 0 <= source < LENGTH:
                moved[position, :, channel] = state[source, :, channel]
    excess = sum(
        max(abs(float(x)) - cell.saturation_limit, 0)
        for part in (before_reset, before_update, before_candidate)
        for x in part.flat
    )
    return update * moved + (1 - update) * candidate, excess


def residual_step(state: np.ndarray, cell: Residual) -> np.ndarray:
    new = convolved(state, *weights_of(cell.convolution))
    return np.maximum(new + np.roll(state, 1, axis=0) if cell.closes else new, 0)


def reference_step(state: np.ndarray, cell: Cell) -> np.ndarray:
    if isinstance(cell, CGRU):
        return cgru_step(state, cell, set())
    return diagonal_step(state, cell)[0] if isinstance(cell, DiagonalCGRU) else residual_step(state, cell)


@configs
def test_a_step_is_the_reference_s(config: ModelConfig) -> None:
    cell, state = wide_cell(config), random_state(config)
    undisturbed = Disturbance(jnp.zeros(()), jnp.zeros((), jnp.uint32))
    (new, cost), (_, quiet_cost) = quickly_compiled(
        lambda cell, state: (
            prepared(cell, config.height, jnp.float32)(state, undisturbed, beside(state)),
            prepared(cell, config.height, jnp.float32)(state, None, beside(state)),
        )
    )(cell, state)
    assert float(quiet_cost) == 0
    if isinstance(cell, CGRU):
        reached: set[str] = set()
        expected, expected_cost = cgru_step(state, cell, reached), 0.0
        cutoffs = {"sigmoid": config.sigmoid_cutoff, "tanh": config.tanh_cutoff}
        assert reached == {name for name, cutoff in cutoffs.items() if cutoff}, "the weights are to reach the cutoffs"
    elif isinstance(cell, DiagonalCGRU):
        expected, expected_cost = diagonal_step(state, cell)
        assert expected_cost > 1
    else:
        expected, expected_cost = residual_step(state, cell), 0.0
        assert cell.closes == (config.layers == 1)
        assert 0.1 < np.mean(expected == 0) < 0.9
    assert np.abs(np.asarray(new) - expected).max() < 1e-5
    assert float(cost) == pytest.approx(expected_cost, rel=1e-5)


@configs
def test_the_gradient_of_a_step_is_the_slope_of_the_reference(config: ModelConfig) -> None:
    cell, state = wide_cell(config), random_state(config)
    rng = np.random.default_rng(6)
    at = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (cell, state))
    along = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), at)
    towards = rng.normal(size=state.shape)

    def score(cell: Cell, state: Any) -> jax.Array:
        return jnp.sum(prepared(cell, config.height, jnp.float32)(state, None, beside(state))[0] * towards)

    def reference_score(distance: float) -> float:
        cell, state = jax.tree.map(lambda leaf, direction: leaf + distance * direction, at, along)
        return float(np.sum(reference_step(state, cell) * towards))

    slope = (reference_score(1e-6) - reference_score(-1e-6)) / 2e-6
    gradient = quickly_compiled(jax.grad(score, argnums=(0, 1)))(cell, state)
    parts = jax.tree.map(lambda leaf, direction: np.sum(np.asarray(leaf) * direction), gradient, along)
    assert sum(jax.tree.leaves(parts)) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("cell", ["cgru", "diagonal", "residual"])
def test_a_new_cell_has_the_shapes_ranges_and_zero_biases_of_its_source(
    cell: Literal["cgru", "diagonal", "residual"],
) -> None:
    config = ModelConfig(cell=cell, channels=8, height=2, task_channels=2)
    drawn: Any = quickly_compiled(lambda: initial_cell(jax.random.key(0), config))()
    area = 9
    limit = (6 / (area * (10 + 8))) ** 0.5 if cell == "diagonal" else 1.8 * (3 / (area * 10)) ** 0.5
    parts = ((drawn.convolution, 8),) if cell == "residual" else ((drawn.gates, 16), (drawn.candidate, 8))
    for part, out in parts:
        kernel = np.asarray(part.kernel)
        assert kernel.shape == (3, 3, 10, out)
        assert 0.98 * limit < np.abs(kernel).max() <= limit
        assert abs(kernel.mean()) < 0.1 * limit
        assert not np.any(part.bias)


def test_dropout_of_the_diagonal_cell_takes_candidates_and_leaves_the_gates() -> None:
    config = ModelConfig(cell="diagonal", height=1, channels=CHANNELS, dropout=0.5)
    cell, state = wide_cell(config), random_state(config)
    assert isinstance(cell, DiagonalCGRU)
    seed = jnp.asarray(1, jnp.uint32)

    @quickly_compiled
    def step(cell: DiagonalCGRU, rate: jax.Array) -> tuple[jax.Array, jax.Array]:
        return cell(jnp.asarray(state), Disturbance(rate, seed), beside(state))

    kept, cost = step(cell, jnp.asarray(0.0))
    assert np.abs(np.asarray(kept) - diagonal_step(state, cell)[0]).max() < 1e-5
    # With every candidate dropped, what the update gate lets through is all that is left.
    dropped, cost_of_dropped = step(cell, jnp.asarray(0.999999))
    silent = jax.tree.map(jnp.zeros_like, cell.candidate)
    passed = diagonal_step(state, eqx.tree_at(lambda cell: cell.candidate, cell, silent))[0]
    assert np.abs(np.asarray(dropped) - passed).max() < 1e-5
    assert float(cost) == float(cost_of_dropped) > 1


@pytest.mark.parametrize("cell", ["cgru", "diagonal", "residual"])
def test_the_task_s_code_is_further_input_of_every_convolution(cell: Literal["cgru", "diagonal", "residual"]) -> None:
    config = ModelConfig(cell=cell, channels=CHANNELS, height=1, dropout=0.0)
    told = wide_cell(replace(config, task_channels=2))
    state, code = jnp.asarray(random_state(config)), jnp.zeros((LENGTH, 1, 2)).at[1:3, :, 1].set(1.0)
    parts = [name for name in ("gates", "candidate", "convolution") if hasattr(told, name)]

    @quickly_compiled
    def differences(code: jax.Array) -> list[jax.Array]:
        context = Context(state, code)
        new = told(state, None, context)[0]
        silenced = [
            eqx.tree_at(
                lambda cell, name=name: getattr(cell, name).kernel,
                told,
                getattr(told, name).kernel.at[:, :, CHANNELS:].set(0),
            )
            for name in parts
        ]
        return [jnp.abs(new - other(state, None, context)[0]).max() for other in silenced]

    assert [kernel.shape[2] for kernel in jax.tree.leaves(told) if kernel.ndim == 4] == [CHANNELS + 2] * len(parts)
    assert all(float(difference) > 0.01 for difference in differences(code))
    assert all(float(difference) == 0 for difference in differences(jnp.zeros_like(code)))


@pytest.mark.parametrize("smooth", [0.0, 1.1, 1.2])
def test_what_is_cut_off_keeps_the_gradient_of_a_wider_cutoff(smooth: float) -> None:
    x = np.linspace(-6, 6, 401, dtype=np.float32)
    plain = 1 / (1 + np.exp(-x))
    beyond = max(smooth - 1, 0)
    cases: list[tuple[Any, np.ndarray, np.ndarray, float]] = [
        (cut_sigmoid, 1.2 * plain - 0.1, 1.2 * plain * (1 - plain), beyond / 2),
        (cut_tanh, 1.2 * np.tanh(x), 1.2 * (1 - np.tanh(x) ** 2), beyond),
    ]
    for function, uncut, slope, margin in cases:
        low = 0 if function is cut_sigmoid else -1
        values, slopes = jax.vmap(jax.value_and_grad(lambda x, function=function: function(x, 1.2, smooth)))(x)
        assert np.array_equal(values, function(jnp.asarray(x), 1.2, 0.0))
        passes = (uncut > low - margin) & (uncut < 1 + margin)
        assert np.asarray(slopes) == pytest.approx(slope * passes, abs=1e-5)
        cut_off = np.mean(np.asarray(slopes)[(uncut < low) | (uncut > 1)] == 0)
        assert {0.0: cut_off == 1, 1.1: 0 < cut_off < 1, 1.2: cut_off == 0}[smooth]


def test_saturation_costs_the_excess_over_the_limit() -> None:
    assert float(excess(jnp.array([-2.0, -0.9, 0.0, 0.5, 1.0]), 0.9)) == pytest.approx(1.1 + 0.1)

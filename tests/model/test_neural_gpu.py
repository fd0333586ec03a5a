"""The model against a loop over its cells: copies in turn, layers in turn, mask, number of steps, noise and dropout."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.cell import Context
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU

from .conftest import BUCKET, CONFIGS, USED, drawn, each_config, inputs, quickly_compiled, run, training


@quickly_compiled
def traced(model: NeuralGPU, grid: Any, mask: Any) -> jax.Array:
    return model.trace(grid, mask)


def states_by_hand(model: NeuralGPU, grid: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Applies the cells one after the other in Python: the states after the embedding and after each step."""
    config = model.config
    table = np.array(model.embedding)
    table[0] = 0
    filled = np.pad(grid, ((0, 0), (0, config.height - grid.shape[1])))
    weight = mask[:, None, None].astype(np.float32)
    state = np.clip(table[filled], -1, 1) * weight if config.cell == "diagonal" else np.tanh(table[filled])

    @quickly_compiled
    def layer(cell: Any, state: np.ndarray, before: np.ndarray) -> jax.Array:
        return cell(state, None, Context(jnp.asarray(before), None))[0]

    cells = [
        [jax.tree.map(lambda leaf, copy=copy: leaf[copy], cell) for cell in model.cells]
        for copy in range(config.copies)
    ]
    states = [state]
    rounds = -(-len(grid) // config.copies)
    for step in range(rounds * config.copies):
        new = states[-1]
        for cell in cells[step % config.copies]:
            new = np.asarray(layer(cell, new, states[-1])) * weight
        stopped = config.stop == "length" and config.output == "last" and step > mask.sum()
        states.append(states[-1] if stopped else new)
    return states


@each_config
def test_trace_and_logits_are_those_of_a_loop_over_the_cells(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    model, (grid, mask) = models[config], inputs(1)
    expected = states_by_hand(model, grid, mask)
    states = np.asarray(traced(model, grid, mask))
    assert states.shape == (len(expected) - 1, BUCKET, config.height, config.channels)
    assert np.abs(states - np.stack(expected[1:])).max() < 1e-5
    logits = expected[-1][:, 0] @ np.asarray(model.readout) + np.asarray(model.readout_bias)
    output = run(model, grid, mask)
    assert np.abs(np.asarray(output.logits) - logits).max() < 1e-4
    assert float(output.saturation) == 0
    last = states[-1][:, 0] @ np.asarray(model.readout) + np.asarray(model.readout_bias)
    assert np.abs(np.asarray(output.logits) - last).max() < 1e-5


@each_config
def test_the_state_is_zero_outside_the_mask_and_stays_so_with_noise(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    model, (grid, mask) = models[config], inputs(1)
    states = np.asarray(traced(model, grid, mask))
    assert not states[:, USED:].any()
    assert np.all(np.abs(states[:, :USED]).max(axis=(2, 3)) > 0)
    noisy = np.asarray(run(model, grid, mask, training(3, 0.3, 0.1)).logits)
    assert np.allclose(noisy[USED:], model.readout_bias)
    assert np.abs(noisy[:USED] - np.asarray(model.readout_bias)).max() > 0.1


OTHERS = {
    "cgru, three layers, one copy": ModelConfig(channels=5, height=1, layers=3, copies=1),
    "residual, three layers, two copies": ModelConfig(cell="residual", channels=5, height=2, layers=3, copies=2),
}


@pytest.mark.parametrize("config", OTHERS.values(), ids=OTHERS.keys())
def test_layers_follow_each_other_in_every_step(config: ModelConfig) -> None:
    model, (grid, mask) = drawn(config), inputs(1)
    expected = np.stack(states_by_hand(model, grid, mask)[1:])
    assert np.abs(expected).max() > 0.1
    assert np.asarray(traced(model, grid, mask)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_sum_of_the_states_after_every_step_is_read_out_without_stopping() -> None:
    model, (grid, mask) = drawn(replace(CONFIGS["cgru"], output="sum")), inputs(2)
    states = states_by_hand(model, grid, mask)[1:]
    assert not np.array_equal(states[-1], states[USED]), "no step is left out"
    logits = np.sum(states, axis=0)[:, 0] @ np.asarray(model.readout) + np.asarray(model.readout_bias)
    assert np.asarray(run(model, grid, mask).logits) == pytest.approx(logits, abs=1e-3)
    assert np.abs(np.asarray(traced(model, grid, mask)) - np.stack(states)).max() < 1e-5


@pytest.mark.parametrize(("scale", "taken", "made"), [(0.5, 3, 6), (1.6, 9, 15)])
def test_steps_are_scaled_before_the_one_more(scale: float, taken: int, made: int) -> None:
    """Of 5 symbols in a bucket of 8: 0.5 * 5 is rounded to 2, 1.6 * 5 is 8; whole rounds of 3 copies are made."""
    model, (grid, mask) = drawn(replace(CONFIGS["cgru"], steps_scale=scale)), inputs(2)
    states = np.asarray(traced(model, grid, mask))
    changed = [not np.array_equal(before, after) for before, after in pairwise(states)]
    assert changed == [True] * (taken - 1) + [False] * (made - taken)
    by_bucket = drawn(replace(CONFIGS["diagonal"], steps_scale=scale))
    assert len(traced(by_bucket, *inputs(1))) == round(scale * BUCKET)


def test_a_model_is_told_its_task_where_the_mask_is_on() -> None:
    model = drawn(replace(CONFIGS["cgru"], task_channels=2))

    @quickly_compiled
    def told(model: NeuralGPU, grid: Any, mask: Any, task: Any) -> jax.Array:
        return model(grid, mask, task=task).logits

    first, second = (np.asarray(told(model, *inputs(2), np.array(task))) for task in (0, 1))
    assert np.abs(first - second).max() > 0.01
    assert np.array_equal(run(model, *inputs(2)).logits, first)
    longer = np.asarray(told(model, *inputs(2, bucket=13), np.array(1)))
    assert np.abs(longer[:USED] - second[:USED]).max() < 1e-5
    untold = drawn(CONFIGS["cgru"])
    assert np.array_equal(told(untold, *inputs(2), np.array(1)), run(untold, *inputs(2)).logits)


def test_an_input_of_n_symbols_takes_n_plus_1_steps(models: dict[ModelConfig, NeuralGPU]) -> None:
    model, (grid, mask) = models[CONFIGS["cgru"]], inputs(2)
    states = np.asarray(traced(model, grid, mask))
    changed = [not np.array_equal(before, after) for before, after in pairwise(states)]
    assert changed == [True] * USED + [False] * (len(states) - 1 - USED)


def test_a_longer_bucket_gives_the_same_logits_where_the_length_stops(models: dict[ModelConfig, NeuralGPU]) -> None:
    model = models[CONFIGS["cgru"]]
    short = np.asarray(run(model, *inputs(2)).logits)
    long = np.asarray(run(model, *inputs(2, bucket=13)).logits)
    assert np.abs(short[:USED] - long[:USED]).max() < 1e-5
    noisy = [
        np.asarray(run(model, *inputs(2, bucket=bucket), training(5, 0.3, 0.1)).logits)[:USED]
        for bucket in (BUCKET, 13)
    ]
    assert np.abs(noisy[0] - noisy[1]).max() < 1e-5
    assert np.abs(noisy[0] - short[:USED]).max() > 0.01


def test_a_longer_bucket_means_more_steps_where_the_bucket_stops(models: dict[ModelConfig, NeuralGPU]) -> None:
    model = models[CONFIGS["diagonal"]]
    assert [len(traced(model, *inputs(1, bucket=bucket))) for bucket in (BUCKET, 13)] == [BUCKET, 13]


def test_steps_can_be_given_and_are_rounded_up_to_whole_rounds(models: dict[ModelConfig, NeuralGPU]) -> None:
    model, (grid, mask) = models[CONFIGS["cgru"]], inputs(1)
    states = states_by_hand(model, grid, mask)
    given = np.asarray(quickly_compiled(lambda model: model(grid, mask, steps=2).logits)(model))
    after_a_round = states[3][:, 0] @ np.asarray(model.readout) + np.asarray(model.readout_bias)
    assert np.abs(given - after_a_round).max() < 1e-4


@each_config
def test_steps_that_end_at_rest_give_the_answer_of_all_of_them(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    model, rng = models[config], np.random.default_rng(4)
    grids, masks = rng.integers(0, 12, (3, BUCKET, 1)), np.arange(BUCKET) < np.array([[3], [BUCKET], [USED]])
    whole = jax.jit(jax.vmap(lambda grid, mask: model(grid, mask, steps=6).logits))(grids, masks)

    @jax.jit
    def settled(steps: jax.Array) -> jax.Array:
        return jax.vmap(lambda grid, mask: model(grid, mask, steps=steps, until_settled=True).logits)(grids, masks)

    # Two programs, of which each rounds as it is fused.
    assert np.allclose(settled(jnp.asarray(6)), whole, rtol=0, atol=1e-6)


def test_the_saturation_cost_is_that_of_the_embedding_and_of_every_step(models: dict[ModelConfig, NeuralGPU]) -> None:
    config = CONFIGS["diagonal"]
    model, (grid, mask) = models[config], inputs(1)
    loud = jax.tree.map(lambda leaf: leaf * 4, model)
    states = states_by_hand(loud, grid, mask)
    embedded = np.asarray(loud.embedding)[grid[:USED, 0]]
    expected = np.maximum(np.abs(embedded) - 0.9, 0).sum() * BUCKET
    cell = jax.tree.map(lambda leaf: leaf[0], loud.cells[0])

    @quickly_compiled
    def of_a_step(state: Any) -> Any:
        gates = cell.gates(state) + jnp.repeat(jnp.array([0.5, 0.7]), config.channels)
        candidate = cell.candidate(jnp.clip(gates[..., : config.channels] / 2 + 0.5, 0, 1) * state)
        return sum(jnp.sum(jnp.maximum(jnp.abs(part) - 0.9, 0)) for part in (gates, candidate))

    expected += sum(float(of_a_step(state)) for state in states[:-1])
    assert expected > 10
    assert float(run(loud, grid, mask, training(1)).saturation) == pytest.approx(expected, rel=1e-4)


def test_row_0_of_the_embedding_counts_as_zero(models: dict[ModelConfig, NeuralGPU]) -> None:
    model, (grid, mask) = models[CONFIGS["cgru"]], inputs(1)
    loud = eqx.tree_at(lambda model: model.embedding, model, model.embedding.at[0].set(9.0))
    assert np.array_equal(run(model, grid, mask).logits, run(loud, grid, mask).logits)


def test_every_copy_and_layer_is_drawn_on_its_own() -> None:
    config = ModelConfig(channels=3, height=1, layers=2, copies=2)
    initial = quickly_compiled(lambda seed: initial_model(jax.random.key(seed), config))
    model, other = initial(1), initial(2)
    kernels = [np.asarray(kernel) for cell in model.cells for kernel in cell.gates.kernel]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) == 4
    assert np.abs(np.asarray(model.embedding)).max() == pytest.approx(1.7, rel=0.05)
    assert np.abs(np.asarray(model.readout)).max() == pytest.approx(1.8, rel=0.05)
    assert not any(np.array_equal(*pair) for pair in zip(kernels, other.cells[0].gates.kernel, strict=False))
    assert not np.array_equal(other.embedding, model.embedding)


@each_config
def test_movement_is_what_units_change_by_beyond_the_limit(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    grid, mask = inputs(1)
    counted = drawn(replace(config, movement_limit=0.05))
    counted = jax.tree.unflatten(jax.tree.structure(counted), jax.tree.leaves(models[config]))
    states = states_by_hand(models[config], grid, mask)
    expected = sum(np.maximum(np.abs(after - before) - 0.05, 0).sum() for before, after in pairwise(states))
    assert expected > 1
    found = run(counted, grid, mask, training(1))
    assert found.movement is not None
    assert float(found.movement) == pytest.approx(expected, rel=1e-4)
    assert run(counted, grid, mask).movement is None
    assert run(models[config], grid, mask, training(1)).movement is None

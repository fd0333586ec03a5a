"""Noise and dropout: they follow the example's seed, differ from step to step, and can be switched off."""

from dataclasses import replace
from typing import Any, get_args, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU, Training

from .conftest import USED, drawn, each_config, inputs, quickly_compiled, run, training


@each_config
def test_without_dropout_and_noise_training_computes_what_evaluation_does(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    model, (grid, mask) = models[config], inputs(1)
    quiet = np.asarray(run(model, grid, mask).logits)
    assert np.array_equal(quiet, np.asarray(run(model, grid, mask).logits))
    assert np.abs(quiet - np.asarray(run(model, grid, mask, training(7)).logits)).max() < 1e-6


@each_config
def test_dropout_and_noise_follow_the_example_s_seed(models: dict[ModelConfig, NeuralGPU], config: ModelConfig) -> None:
    model, (grid, mask) = models[config], inputs(1)

    def logits(seed: int, dropout: float, noise: float) -> np.ndarray:
        return np.asarray(run(model, grid, mask, training(seed, dropout, noise)).logits)[:USED]

    quiet = logits(7, 0, 0)
    for dropout, noise in ((0.3, 0.0), (0.0, 0.1)):
        disturbed = logits(7, dropout, noise)
        assert np.array_equal(disturbed, logits(7, dropout, noise))
        assert np.abs(disturbed - quiet).max() > 0.01
        assert np.abs(disturbed - logits(8, dropout, noise)).max() > 0.01


@pytest.mark.parametrize("cell", get_args(get_type_hints(ModelConfig)["cell"]))
def test_noise_reaches_every_kind_of_cell(cell: Any) -> None:
    config = ModelConfig(cell=cell, channels=6, height=1, layers=1, copies=1, dropout=0.0, noise=0.1)
    model, (grid, mask) = drawn(config), inputs(1)
    quiet, noisy, louder = (
        np.asarray(run(model, grid, mask, training(3, noise=noise)).logits)[:USED] for noise in (0.0, 1e-3, 2e-3)
    )
    assert np.abs(noisy - quiet).max() > 1e-4
    assert np.abs(louder - quiet).max() > 1.5 * np.abs(noisy - quiet).max()


def test_every_step_has_its_own_noise_and_its_own_dropout() -> None:
    config = ModelConfig(channels=6, height=1, layers=1, copies=2, dropout=0.1, noise=0.1)
    count = 127
    # Update gates of 1 make a step keep its state, so that noise adds up and what is dropped stays away.
    kept = jax.tree.map(jnp.zeros_like, drawn(config))
    kept = eqx.tree_at(lambda model: model.cells[0].gates.bias, kept, jnp.full((2, 12), 50.0))
    kept = eqx.tree_at(lambda model: model.embedding, kept, jnp.ones_like(kept.embedding))
    kept = eqx.tree_at(lambda model: model.readout, kept, jnp.eye(6, 33))
    grid, mask = np.ones((count + 1, 1), np.int32), np.arange(count + 1) < count

    def states(dropout: float, noise: float) -> np.ndarray:
        return np.asarray(run(kept, grid, mask, training(3, dropout, noise)).logits)[:count, :6]

    noise = states(0, 0.01) - np.tanh(1)
    assert noise.std() == pytest.approx(0.01 * (count + 1) ** 0.5, rel=0.15)
    survivors = np.mean(states(0.01, 0) != 0)
    assert survivors == pytest.approx(0.99 ** (count + 1), abs=0.1)


@each_config
def test_settings_of_0_switch_dropout_and_noise_off_whatever_is_given(
    models: dict[ModelConfig, NeuralGPU], config: ModelConfig
) -> None:
    (grid, mask), off = inputs(1), replace(config, dropout=0.0, noise=0.0)
    # The cell keeps whether it drops as a static field, so the weights are moved into a model of the other settings.
    leaves = jax.tree.leaves(models[config])
    model = jax.tree.unflatten(
        jax.tree.structure(jax.eval_shape(lambda: initial_model(jax.random.key(1), off))), leaves
    )
    first, second = (run(model, grid, mask, training(seed, 0.3, 0.1)).logits for seed in (7, 8))
    assert np.array_equal(first, second)


@each_config
def test_dropout_takes_its_share_of_the_embedded_input(config: ModelConfig) -> None:
    # A step that keeps its state shows what it began with: update gates of 1, no shift.
    config = replace(config, layers=1, height=1, copies=1, shift="none", dropout=0.0, noise=0.0, input_dropout=0.25)
    kept = jax.tree.map(jnp.zeros_like, drawn(config))
    kept = eqx.tree_at(lambda model: model.cells[0].gates.bias, kept, jnp.full((1, 12), 50.0))
    kept = eqx.tree_at(lambda model: model.embedding, kept, jnp.full_like(kept.embedding, 0.5))
    kept = eqx.tree_at(lambda model: model.readout, kept, jnp.eye(6, 33))
    grid, mask = np.ones((400, 1), np.int32), np.arange(400) < 390

    @quickly_compiled
    def state(model: NeuralGPU, given: Training | None) -> jax.Array:
        return model(grid, mask, given, steps=1).logits[:390, :6]

    whole, dropped, other = (np.asarray(state(kept, given)) for given in (None, training(3), training(4)))
    assert np.all(whole == whole[0, 0]) and whole[0, 0] > 0.4
    assert set(np.unique(np.round(dropped / whole, 4))) == {0.0, np.float32(1.3333)}
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / dropped.size) ** 0.5)
    assert np.mean((dropped == 0) == (other == 0)) == pytest.approx(0.625, abs=0.06)

"""States that are rounded after every step: where they lie, in training and outside, and what gradient passes."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.rounding import rounded

from .conftest import CONFIGS, drawn, each_config, inputs, quickly_compiled, run, training


def with_settings(config: ModelConfig, **settings: Any) -> NeuralGPU:
    """Returns the model of some settings with the weights that it has with others."""
    other = drawn(replace(config, **settings))
    return jax.tree.unflatten(jax.tree.structure(other), jax.tree.leaves(drawn(config)))


@each_config
def test_every_state_after_a_step_is_a_multiple(config: ModelConfig) -> None:
    model, (grid, mask) = with_settings(config, rounding=4), inputs(1)
    states = np.asarray(quickly_compiled(lambda model: model.trace(grid, mask))(model))
    assert np.array_equal(np.round(states * 4), states * 4)
    smooth = np.asarray(quickly_compiled(lambda model: model.trace(grid, mask))(with_settings(config)))
    assert 0 < np.abs(states[0] - smooth[0]).max() <= 1 / 8 + 1e-6


@each_config
def test_training_is_rounded_only_where_it_is_asked_for(config: ModelConfig) -> None:
    grid, mask = inputs(1)
    plain, evaluated, always = (
        with_settings(config, **settings) for settings in ({}, {"rounding": 2}, {"rounding": 2, "rounded": "always"})
    )
    trained = [np.asarray(run(model, grid, mask, training(3)).logits) for model in (plain, evaluated, always)]
    asked = [np.asarray(run(model, grid, mask).logits) for model in (plain, evaluated, always)]
    assert np.array_equal(trained[0], trained[1])
    assert np.abs(trained[2] - trained[0]).max() > 0.01
    assert np.array_equal(asked[1], asked[2])
    assert np.abs(asked[1] - asked[0]).max() > 0.01
    assert np.abs(trained[2] - asked[2]).max() < 1e-5


def test_the_gradient_passes_straight_through() -> None:
    values, weights = jnp.array([-0.9, -0.3, 0.1, 0.6]), jnp.array([1.0, 2.0, 3.0, 4.0])
    assert rounded(values, 2).tolist() == [-1.0, -0.5, 0.0, 0.5]
    assert jax.grad(lambda values: weights @ rounded(values, 2))(values).tolist() == weights.tolist()


def test_the_fused_kernels_train_what_is_only_rounded_outside_of_it() -> None:
    assert replace(CONFIGS["diagonal"], rounding=4).not_fusible is None

"""Batch normalisation: whom it counts, and what its running moments become."""

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.batch_norm import EXAMPLE_AXIS, BatchNorm, Company, Moments, initial_batch_norm
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU

LENGTH, HEIGHT, CHANNELS = 6, 2, 3
Kind = Literal["everywhere", "masked"]
quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""


def drawn(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=shape), jnp.float32)


def test_moments_are_those_of_all_counted_places_of_the_batch() -> None:
    states, counted = drawn(4, LENGTH, HEIGHT, CHANNELS), np.arange(LENGTH) < np.array([[2], [6], [0], [3]])

    def of_example(state: jax.Array, counted: Any) -> Moments:
        return Company(counted[:, None, None].astype(jnp.float32), (EXAMPLE_AXIS,)).moments(state)

    moments = jax.vmap(of_example, axis_name=EXAMPLE_AXIS)(states, counted)
    chosen = np.asarray(states)[counted].reshape(-1, CHANNELS)
    for index in range(4):
        assert np.asarray(moments.mean[index]) == pytest.approx(chosen.mean(axis=0), abs=1e-6)
        assert np.asarray(moments.variance[index]) == pytest.approx(chosen.var(axis=0), abs=1e-6)


def test_a_state_is_normalised_padding_included() -> None:
    state = drawn(LENGTH, HEIGHT, CHANNELS)
    norm = BatchNorm(drawn(CHANNELS), 2 * drawn(CHANNELS), Moments(jnp.zeros(CHANNELS), jnp.ones(CHANNELS)))
    moments = Moments(jnp.array([0.5, -1.0, 2.0]), jnp.array([0.2, 1.0, 0.0]))
    expected = (np.asarray(state) - np.asarray(moments.mean)) / np.sqrt(np.asarray(moments.variance) + 1e-3)
    expected = expected * np.asarray(norm.scale) + np.asarray(norm.offset)
    assert np.asarray(norm(state, moments)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_running_moments_move_a_fifth_of_the_way_in_every_round() -> None:
    norm, rounds = initial_batch_norm(copies=2, channels=CHANNELS), 4
    seen = Moments(drawn(rounds, 2, CHANNELS), jnp.abs(drawn(rounds, 2, CHANNELS)))
    change = norm.change_by(seen)
    mean, variance = np.zeros((2, CHANNELS)), np.ones((2, CHANNELS))
    for number in range(rounds):
        mean = 0.8 * mean + 0.2 * np.asarray(seen.mean[number])
        variance = 0.8 * variance + 0.2 * np.asarray(seen.variance[number])
    assert np.asarray(norm.running.mean + change.mean) == pytest.approx(mean, abs=1e-6)
    assert np.asarray(norm.running.variance + change.variance) == pytest.approx(variance, abs=1e-6)


@quickly_compiled
def together(model: NeuralGPU, grids: Any, masks: Any) -> jax.Array:
    def logits(grid: Any, mask: Any) -> jax.Array:
        return model(grid, mask, axes=(EXAMPLE_AXIS,)).logits

    return jax.vmap(logits, axis_name=EXAMPLE_AXIS)(grids, masks)


@quickly_compiled
def alone(model: NeuralGPU, grid: Any, mask: Any) -> jax.Array:
    return model(grid, mask).logits


@pytest.mark.parametrize("kind", ["everywhere", "masked"])
@pytest.mark.parametrize("evaluation", ["batch", "running"])
def test_an_answer_depends_on_its_batch_where_the_moments_do_but_never_on_empty_examples(
    kind: Kind, evaluation: Literal["batch", "running"]
) -> None:
    config = ModelConfig(
        channels=4, height=1, layers=1, copies=2, batch_norm=kind, batch_norm_evaluation=evaluation, dropout=0.0
    )
    shapes = jax.eval_shape(lambda: initial_model(jax.random.key(0), config))
    rng = np.random.default_rng(0)
    model = jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(0.1, 0.9, leaf.shape), jnp.float32), shapes)
    lengths = np.array([[3], [5], [6], [0]])
    masks = np.arange(LENGTH) < lengths
    grids = np.where(masks, rng.integers(1, 12, masks.shape), 0)[..., None]
    both = np.asarray(together(model, grids[[0, 1, 3, 3]], masks[[0, 1, 3, 3]]))[:2]
    other = np.asarray(together(model, grids[[0, 2, 3, 3]], masks[[0, 2, 3, 3]]))[:2]
    doubled = np.asarray(together(model, grids[[0, 1, 0, 1]], masks[[0, 1, 0, 1]]))[:2]
    first = np.asarray(alone(model, grids[0], masks[0]))
    assert np.abs(both - doubled).max() < 1e-5, "the same moments, from half as many examples"
    assert (np.abs(both[0] - other[0]).max() < 1e-5) == (evaluation == "running")
    assert (np.abs(both[0] - first).max() < 1e-5) == (evaluation == "running")

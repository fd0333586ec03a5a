"""Noise on the gradients: its size follows the schedule, its numbers follow seed and place, and off means off."""

from dataclasses import replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.config import OptimiserConfig
from neuralgpu.training.gradient_noise import noised
from neuralgpu.training.optimiser import optimiser

DECAYING = OptimiserConfig(gradient_noise=0.3)
RATE = OptimiserConfig(name="adamax", gradient_noise=1e-4, gradient_noise_form="rate")
NOTHING = {"a": jnp.zeros((150, 200)), "b": jnp.zeros(30_000)}


def noise(config: OptimiserConfig, step: int = 0, seed: int = 5, rate: float = 0.01) -> dict[str, np.ndarray]:
    drawn = jax.jit(noised, static_argnums=1)(NOTHING, config, rate, step, np.uint32(seed))
    return jax.tree.map(np.asarray, drawn)


@pytest.mark.parametrize(("step", "decay"), [(0, 0.55), (999, 0.55), (999, 1.0)])
def test_variance_falls_with_a_power_of_the_step(step: int, decay: float) -> None:
    drawn = noise(replace(DECAYING, gradient_noise_decay=decay), step)
    for leaf in drawn.values():
        # Five standard errors of a variance of 30,000 near-normal numbers.
        assert leaf.var() == pytest.approx(0.3 / (1 + step) ** decay, rel=5 * (2 / leaf.size) ** 0.5)
        assert abs(leaf.mean()) < 5 * leaf.std() / leaf.size**0.5


@pytest.mark.parametrize("step", [0, 999])
def test_noise_of_the_rate_follows_the_rate_alone(step: int) -> None:
    for leaf in noise(RATE, step, rate=0.01).values():
        assert 1.99e-6 < np.abs(leaf).max() <= 2.00001e-6
        assert leaf.std() == pytest.approx(0.8796e-6, rel=0.02)
    assert noise(RATE, rate=0.02)["a"] == pytest.approx(2 * noise(RATE, rate=0.01)["a"], rel=1e-5)


@pytest.mark.parametrize("config", [DECAYING, RATE], ids=["decaying", "rate"])
def test_every_seed_and_every_parameter_has_its_own_numbers(config: OptimiserConfig) -> None:
    one, again, other = noise(config), noise(config), noise(config, seed=6)
    assert np.array_equal(one["a"], again["a"])
    fields = [one["a"].ravel(), one["b"], other["a"].ravel(), other["b"]]
    correlations = np.corrcoef(fields)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 5 / 30_000**0.5


def update(config: OptimiserConfig, gradients: Any) -> Any:
    """Returns the third update, after two of other gradients."""
    transformation = optimiser(config)
    state, moved = transformation.init(gradients), gradients
    for number, scale in enumerate((1.0, 0.5, 2.0)):
        seed = jnp.asarray(number, jnp.uint32)
        scaled = jax.tree.map(lambda leaf, scale=scale: scale * leaf, gradients)
        moved, state = transformation.update(scaled, state, learning_rate=jnp.asarray(0.01), seed=seed)
    return moved


GRADIENTS = {"a": jnp.linspace(-3.0, 4.0, 12).reshape(3, 4), "b": jnp.array([0.0, 1e-5, -2.0])}


def test_adam_s_noise_comes_after_the_norm_is_limited() -> None:
    unlimited = optimiser(replace(DECAYING, max_grad_norm=0.0, gradient_noise=0.0))
    state = unlimited.init(GRADIENTS)
    expected: Any = None
    for number, scale in enumerate((1.0, 0.5, 2.0)):
        norm = scale * float(np.sqrt(sum(float((leaf**2).sum()) for leaf in GRADIENTS.values())))
        factor = scale / max(norm, 1.0)
        limited = {name: factor * leaf for name, leaf in GRADIENTS.items()}
        noisy = noised(limited, DECAYING, jnp.asarray(0.01), jnp.asarray(number), jnp.asarray(number, jnp.uint32))
        expected, state = unlimited.update(noisy, state, learning_rate=jnp.asarray(0.01))
    ours = update(DECAYING, GRADIENTS)
    for name in GRADIENTS:
        assert np.asarray(ours[name]) == pytest.approx(np.asarray(expected[name]), rel=1e-5)
    assert np.abs(ours["b"][0]) > 1e-5, "a gradient of 0 moves by its noise"


def test_adamax_clips_noise_with_the_gradient() -> None:
    loud = replace(RATE, gradient_noise=1e9)
    transformation = optimiser(loud)
    start, seed = transformation.init(GRADIENTS), jnp.asarray(1, jnp.uint32)
    state: Any = transformation.update(GRADIENTS, start, learning_rate=jnp.asarray(0.01), seed=seed)[1]
    assert all(np.asarray(leaf) == pytest.approx(1e-4, rel=1e-5) for leaf in jax.tree.leaves(state.maximum))


@pytest.mark.parametrize("name", ["adam", "adamax"])
def test_off_costs_nothing(name: Literal["adam", "adamax"]) -> None:
    def operations(config: OptimiserConfig) -> str:
        return str(jax.make_jaxpr(lambda gradients: update(config, gradients))(GRADIENTS))

    off = OptimiserConfig(name=name)
    assert operations(off) == operations(replace(off, gradient_noise_form="rate", gradient_noise_decay=0.1))
    assert "shift_right_logical" not in operations(off)
    assert "shift_right_logical" in operations(replace(off, gradient_noise=0.1))

"""Adam in TensorFlow's form and the AdaMax of Freivalds & Liepins, against loops in NumPy."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuralgpu.config import OptimiserConfig
from neuralgpu.training.optimiser import gradient_norm, optimiser

SIZES = (0.02, 3.0, 0.5, 40.0, 0.0)
"""Of the gradients of the steps: below and above every bound at which something is clipped."""


def gradients() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"a": size * rng.normal(size=3), "b": size * rng.normal(size=(2, 2))} for size in SIZES]


def followed(transformation: optax.GradientTransformationExtraArgs, rates: list[float]) -> Iterator[dict[str, Any]]:
    update = jax.jit(lambda g, state, rate: transformation.update(g, state, learning_rate=rate))
    state = transformation.init({"a": jnp.zeros(3), "b": jnp.zeros((2, 2))})
    for gradient, rate in zip(gradients(), rates, strict=True):
        updates, state = update(jax.tree.map(jnp.asarray, gradient), state, rate)
        yield updates


def flat(tree: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.asarray(tree["a"]).ravel(), np.asarray(tree["b"]).ravel()])


def adam_by_hand(largest_norm: float, rates: list[float]) -> Iterator[np.ndarray]:
    m = v = np.zeros(7)
    for step, (gradient, rate) in enumerate(zip(map(flat, gradients()), rates, strict=True), start=1):
        norm = np.sqrt(np.sum(gradient**2))
        clipped = gradient * largest_norm / norm if largest_norm and norm > largest_norm else gradient
        m = 0.9 * m + 0.1 * clipped
        v = 0.999 * v + 0.001 * clipped**2
        yield -rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + 1e-4)


def adamax_by_hand(rates: list[float]) -> Iterator[np.ndarray]:
    m = v = np.zeros(7)
    for step, (gradient, rate) in enumerate(zip(map(flat, gradients()), rates, strict=True)):
        beta2 = 1 - max(5e-4, 0.01 * 0.5 ** (step / 2000))
        clipped = np.clip(gradient, -(1.2 * v + 1e-4), 1.2 * v + 1e-4)
        m = 0.9 * m + 0.1 * clipped
        v = np.maximum(beta2 * v, np.abs(clipped))
        yield -rate * m / (v + 1e-8)


CASES: dict[str, tuple[OptimiserConfig, Callable[[list[float]], Iterator[np.ndarray]]]] = {
    "adam": (OptimiserConfig(), lambda rates: adam_by_hand(1.0, rates)),
    "adam, another norm": (OptimiserConfig(max_grad_norm=5.0), lambda rates: adam_by_hand(5.0, rates)),
    "adam, no clipping": (OptimiserConfig(max_grad_norm=0.0), lambda rates: adam_by_hand(0.0, rates)),
    "adamax": (OptimiserConfig(name="adamax"), adamax_by_hand),
}


@pytest.mark.parametrize(("config", "by_hand"), CASES.values(), ids=CASES.keys())
def test_updates_are_those_of_a_loop_in_numpy(
    config: OptimiserConfig, by_hand: Callable[[list[float]], Iterator[np.ndarray]]
) -> None:
    rates = [0.01, 0.01, 0.02, 0.005, 0.01]
    for ours, expected in zip(followed(optimiser(config), rates), by_hand(rates), strict=True):
        assert flat(ours) == pytest.approx(expected, rel=1e-4, abs=1e-9)
        assert np.abs(expected).max() > 1e-4


def test_sums_of_squared_slices_stand_in_for_the_squares_of_their_sum() -> None:
    """A gradient that is the sum of two slices, beside one that is not: by hand, and larger than the norm allowed."""
    slices, other = np.array([[3.0, 0.0, 1.0], [-2.0, 4.0, 1.0]]), np.array([[1.0, -2.0], [0.5, 0.0]])
    norm = np.sqrt(np.sum(slices**2) + np.sum(other**2))
    transformation = optimiser(OptimiserConfig(max_grad_norm=2.0))
    given = {"a": jnp.asarray(slices.sum(axis=0)), "b": jnp.asarray(other)}
    squares = {"a": jnp.asarray(np.sum(slices**2, axis=0)), "b": None}
    assert float(gradient_norm(given, squares)) == pytest.approx(norm)
    updates: Any = transformation.update(given, transformation.init(given), learning_rate=0.1, squares=squares)[0]
    rate = 0.1 * np.sqrt(1 - 0.999) / (1 - 0.9)
    scaled, squared = slices * 2 / norm, 0.001 * np.sum((slices * 2 / norm) ** 2, axis=0)
    expected = -rate * 0.1 * scaled.sum(axis=0) / (np.sqrt(squared) + 1e-4)
    assert np.asarray(updates["a"]) == pytest.approx(expected, rel=1e-5)
    alone = -rate * 0.1 * other * 2 / norm / (np.sqrt(0.001) * np.abs(other * 2 / norm) + 1e-4)
    assert np.asarray(updates["b"]) == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (OptimiserConfig(name="adamax"), [0.99, 0.995, 0.9995]),
        (OptimiserConfig(name="adamax", maximum_decay_floor=0.01), [0.99, 0.99, 0.99]),
        (OptimiserConfig(name="adamax", maximum_decay=0.2, maximum_decay_half_life=1000), [0.8, 0.95, 0.9995]),
    ],
    ids=["published", "constant", "faster"],
)
def test_adamax_forgets_old_maxima_more_slowly_as_training_goes_on(
    config: OptimiserConfig, expected: list[float]
) -> None:
    transformation = optimiser(config)
    state: Any = transformation.init({"a": jnp.zeros(1)})
    decays = []
    for step in (0, 2000, 20000):
        full = state._replace(steps=jnp.asarray(step, jnp.int32), maximum={"a": jnp.ones(1)})
        after: Any = transformation.update({"a": jnp.zeros(1)}, full, learning_rate=0.1)[1]
        decays.append(float(after.maximum["a"][0]))
    assert decays == pytest.approx(expected, abs=1e-6)

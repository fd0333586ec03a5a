"""Products of points against the convolution itself, and where they are used."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.convolution import Convolution, Direct
from neuralgpu.model.winograd import HEIGHT, Winograd, winograd

IN, OUT = 3, 5


def arrays(length: int, batch: int, seeds: int) -> tuple[np.ndarray, ...]:
    """Returns states, kernels, biases and cotangents of several seeds."""
    rng = np.random.default_rng(length)
    shapes = (batch, length, HEIGHT, IN), (3, 3, IN, OUT), (OUT,), (batch, length, HEIGHT, OUT)
    state, *rest = (rng.normal(size=(seeds, *shape)) for shape in shapes)
    return np.tanh(state), *rest


def value_and_gradient(form: Any, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Returns the results of every seed's batch, and the gradients by states, kernels and biases."""

    def score(state: jax.Array, kernel: jax.Array, bias: jax.Array, towards: jax.Array) -> tuple[jax.Array, jax.Array]:
        result = jax.vmap(form(kernel, bias))(state)
        return jnp.sum(result * towards), result

    of_seeds = jax.jit(jax.vmap(jax.grad(score, argnums=(0, 1, 2), has_aux=True)))
    return [np.asarray(leaf) for leaf in jax.tree.leaves(of_seeds(*arrays))]


@pytest.mark.parametrize(("batch", "seeds"), [(1, 1), (3, 2)])
@pytest.mark.parametrize("length", [1, 2, 7, 12])
def test_points_are_the_convolution_in_value_and_gradient(length: int, batch: int, seeds: int) -> None:
    given = arrays(length, batch, seeds)
    with jax.enable_x64(True):
        exact = value_and_gradient(Direct, given)
        for found, expected in zip(value_and_gradient(winograd, given), exact, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    single = tuple(part.astype(np.float32) for part in given)
    for found, expected in zip(value_and_gradient(winograd, single), exact, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "height", "dtype", "backend", "points"),
    [
        ((3, 3, 48, 1), 4, jnp.float32, "cpu", True),
        ((3, 3, 48, 1), 4, jnp.float64, "cpu", True),
        ((3, 3, 48, 1), 4, jnp.bfloat16, "cpu", False),
        ((3, 3, 48, 1), 4, jnp.float32, "gpu", False),
        ((3, 3, 48, 1), 2, jnp.float32, "cpu", False),
        ((3, 3, 47, 1), 4, jnp.float32, "cpu", False),
        ((5, 3, 48, 1), 4, jnp.float32, "cpu", False),
        ((3, 1, 48, 1), 4, jnp.float32, "cpu", False),
    ],
)
def test_points_are_for_wide_states_in_single_precision_on_a_cpu(
    shape: tuple[int, ...], height: int, dtype: Any, backend: str, points: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    form = Convolution(jnp.ones(shape), jnp.zeros(1)).prepared(height, dtype)
    assert isinstance(form, Winograd) == points

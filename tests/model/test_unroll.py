"""The step loop: order of copies and steps, what comes out, and that storing or recomputing gives one gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from neuralgpu.model.unroll import unroll

COPIES = jnp.array([[1.0], [10.0], [100.0]])


def test_copies_take_turns_and_steps_are_numbered_from_0() -> None:
    def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        copy, number = inputs
        return carry + copy, (copy[0], number)

    carry, (copies, numbers) = unroll(step, jnp.zeros(1), COPIES, 2, rematerialise=False)
    assert np.array_equal(carry, [222])
    assert np.array_equal(copies, [[1, 10, 100]] * 2)
    assert np.array_equal(numbers, [[0, 1, 2], [3, 4, 5]])


def test_the_gradient_is_the_same_with_and_without_rematerialisation() -> None:
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3)), jnp.float32)

    def loss(weights: Array, rematerialise: bool) -> Array:
        def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, None]:
            copy, number = inputs
            return jnp.tanh(copy @ carry + 0.1 * number), None

        return jnp.sum(unroll(step, jnp.ones(3), weights, 3, rematerialise=rematerialise)[0] ** 2)

    stored, again = (np.asarray(jax.grad(loss)(weights, choice)) for choice in (False, True))
    assert np.abs(stored).max() > 0.01
    assert stored == pytest.approx(again, rel=1e-6, abs=1e-7)

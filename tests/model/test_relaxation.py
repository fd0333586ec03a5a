"""The relaxed copies: how far they are apart, and their mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.relaxation import averaged_copies, distance_of_copies

TREE = {"kernel": jnp.array([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0]]), "bias": jnp.array([0.0, 3.0, 0.0])}


def test_distance_is_the_summed_squared_distance_from_the_mean() -> None:
    # kernel: columns have mean 3 and 4; bias has mean 1.
    assert float(distance_of_copies(TREE)) == pytest.approx((4 + 0 + 4) + (4 + 4 + 0) + (1 + 4 + 1))


def test_its_gradient_pulls_every_copy_towards_the_mean() -> None:
    gradient = jax.grad(distance_of_copies)(TREE)
    assert np.allclose(gradient["bias"], [-2, 4, -2])
    assert np.allclose(gradient["kernel"], [[-4, -4], [0, 4], [4, 0]])


def test_one_copy_has_no_distance() -> None:
    assert float(distance_of_copies({"kernel": jnp.array([[1.0, 2.0]])})) == 0


def test_averaged_copies_are_their_mean_in_every_copy() -> None:
    averaged = averaged_copies(TREE)
    assert np.allclose(averaged["kernel"], [[3, 4]] * 3)
    assert np.allclose(averaged["bias"], [1, 1, 1])
    assert float(distance_of_copies(averaged)) == 0

"""The lookup's gradient, sliced: every place of the grid is a slice."""

import jax
import jax.numpy as jnp
import numpy as np

from neuralgpu.model.embedding import embedded


def test_slices_are_added_and_their_squares_are_added_row_by_row() -> None:
    rng = np.random.default_rng(0)
    table, slices = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=(2, 5, 2, 3)).astype(np.float32)
    grids = rng.integers(0, 3, (2, 5, 2))

    def score(table: jax.Array, probe: jax.Array) -> jax.Array:
        looked_up = jax.vmap(embedded, in_axes=(None, None, 0))(table, probe, jnp.asarray(grids))
        return jnp.sum(looked_up * slices)

    zeroed = np.concatenate([np.zeros((1, 3)), table[1:]])
    value, (gradient, squares) = jax.value_and_grad(score, argnums=(0, 1))(jnp.asarray(table), jnp.zeros((4, 3)))
    assert np.allclose(value, np.sum(zeroed[grids] * slices), atol=1e-5)
    for row in range(4):
        own = slices[grids == row]
        assert np.allclose(gradient[row], own.sum(axis=0) if row else 0, atol=1e-5)
        assert np.allclose(squares[row], (own**2).sum(axis=0), atol=1e-5)
    assert not np.any(squares[3]), "a symbol that is not there"
    assert np.all(np.asarray(squares[0]) > 0), "padding counts"

"""Seeds in turn and seeds at once are the same function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.seeds import over_seeds


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_leading_axis_of_every_argument_is_the_seed(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    weights, inputs = jnp.arange(6.0).reshape(2, 3), {"grid": jnp.arange(24.0).reshape(2, 3, 4)}

    def function(weight: jax.Array, inputs: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return weight @ inputs["grid"], weight.sum()

    product, total = over_seeds(function)(weights, inputs)
    np.testing.assert_array_equal(product, np.einsum("si,sij->sj", weights, inputs["grid"]))
    np.testing.assert_array_equal(total, weights.sum(axis=1))

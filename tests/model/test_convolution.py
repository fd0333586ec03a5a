"""Both forms of a convolution against each other; `test_cell.py` holds the one in use to plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.convolution import Banded, Convolution, Direct

LENGTH, HEIGHT, CHANNELS, OUT = 7, 4, 3, 5


def drawn(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("wide", [CHANNELS, CHANNELS + 1])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 3), (1, 1)])
def test_forms_agree_in_value_and_gradient(kernel: tuple[int, int], wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralgpu.model.convolution._WIDE", wide)
    convolution = Convolution(drawn(*kernel, CHANNELS, OUT), drawn(OUT))
    state, towards = drawn(LENGTH, HEIGHT, CHANNELS), drawn(LENGTH, HEIGHT, OUT)

    def results(form: type) -> tuple[jax.Array, tuple[Convolution, jax.Array]]:
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu" if form is Banded else "cpu")
        assert isinstance(convolution.prepared(HEIGHT), form)

        def score(convolution: Convolution, state: jax.Array) -> jax.Array:
            return jnp.sum(jnp.sin(convolution(state)) * towards)

        return convolution(state), jax.grad(score, argnums=(0, 1))(convolution, state)

    for banded, direct in zip(jax.tree.leaves(results(Banded)), jax.tree.leaves(results(Direct)), strict=True):
        np.testing.assert_allclose(banded, direct, rtol=1e-5, atol=1e-5)


def test_one_row_has_no_band_to_spare() -> None:
    assert isinstance(Convolution(drawn(3, 3, CHANNELS, OUT), drawn(OUT)).prepared(1), Banded)

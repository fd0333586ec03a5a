"""Both forms of a convolution against each other; `test_cell.py` holds the one in use to plain loops."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

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


@pytest.mark.parametrize("height", [1, 2])
def test_one_row_or_two_have_no_zeros_in_their_band(height: int) -> None:
    assert isinstance(Convolution(drawn(3, 3, CHANNELS, OUT), drawn(OUT)).prepared(height), Banded)


@pytest.mark.parametrize(("height", "channels", "length", "batch"), [(2, 48, 401, 8), (4, 40, 41, 16)])
def test_the_same_states_are_convolved_alike_however_often(height: int, channels: int, length: int, batch: int) -> None:
    # More calls than XLA's convolution of two rows stands on two devices, where from some 340 on its results are wrong.
    calls, mesh = 400, Mesh(jax.devices()[:2], ("device",))
    convolution = Convolution(0.05 * drawn(3, 3, channels, 2 * channels), drawn(2 * channels)).prepared(height)
    states = drawn(2 * batch, length, height, channels)

    def changed(convolution: Any, states: jax.Array) -> jax.Array:
        both = jnp.stack([states, -states])
        first = jnp.stack([jax.vmap(convolution)(states), jax.vmap(convolution)(-states)])

        def call(number: jax.Array, count: jax.Array) -> jax.Array:
            apart = jnp.abs(jax.vmap(convolution)(both[number % 2]) - first[number % 2])
            return count + jnp.any(apart > 1e-3, axis=(1, 2, 3))

        return jax.lax.fori_loop(0, calls, call, jnp.zeros(len(states), int))

    spread = jax.shard_map(changed, mesh=mesh, in_specs=(P(), P("device")), out_specs=P("device"), check_vma=False)
    assert not np.any(jax.jit(spread)(convolution, states))

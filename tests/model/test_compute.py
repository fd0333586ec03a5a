"""Steps in bfloat16: what they compute with, what stays in single precision, and that every variant runs so."""

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from neuralgpu.model.batch_norm import EXAMPLE_AXIS
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.memory import OFFLOAD, SQRT, STEP, STORE, Memory, treeverse
from neuralgpu.model.neural_gpu import NeuralGPU, Training, initial_model

from .conftest import BUCKET, CONFIGS, drawn, inputs, quickly_compiled

SMALL = ModelConfig(channels=4, height=2, layers=1, copies=2, dropout=0.2, noise=0.05)
VARIANTS = {
    "cgru": SMALL,
    "tanh cutoff, smooth": replace(SMALL, sigmoid_smooth=1.2, tanh_cutoff=1.2, tanh_smooth=1.2),
    "one row": replace(SMALL, height=1, input_dropout=0.1),
    "told its task": replace(SMALL, task_channels=2),
    "diagonal": replace(CONFIGS["diagonal"], channels=4),
    "residual": replace(SMALL, cell="residual", layers=2, noise=0.0),
    "shift": replace(SMALL, global_operation="shift"),
    "attention": replace(SMALL, global_operation="attention"),
    "batch norm": replace(SMALL, batch_norm="masked"),
    "sum": replace(SMALL, output="sum"),
}
MEMORIES = {str(memory): memory for memory in (STORE, SQRT, treeverse(3), OFFLOAD)}
SIMPLE = ("tanh cutoff, smooth", "one row", "told its task", "shift", "sum")
"""Variants whose steps take hardly another path than those of the others."""
each_variant = pytest.mark.parametrize(
    "config",
    [
        pytest.param(config, id=name, marks=[pytest.mark.slow] if name in SIMPLE else [])
        for name, config in VARIANTS.items()
    ],
)


def as_computed(model: NeuralGPU, compute: Any) -> NeuralGPU:
    config = replace(model.config, compute=compute)
    return jax.tree.unflatten(
        jax.tree.structure(jax.eval_shape(lambda: initial_model(jax.random.key(0), config))), jax.tree.leaves(model)
    )


def score(model: NeuralGPU, memory: Memory) -> jax.Array:
    (grid, mask), count = inputs(1), 3

    def of_example(seed: Any) -> jax.Array:
        given = Training(seed, jnp.float32(model.config.dropout), jnp.float32(model.config.noise))
        output = model(grid, mask, given, axes=(EXAMPLE_AXIS,), memory=memory)
        return jnp.mean(jax.nn.logsumexp(output.logits, axis=-1)) + 1e-3 * output.saturation

    return jnp.mean(jax.vmap(of_example, axis_name=EXAMPLE_AXIS)(jnp.arange(count, dtype=jnp.uint32)))


@cache
def gradient(config: ModelConfig, compute: str, memory: Memory = STEP) -> list[np.ndarray]:
    """Returns the score and its gradient by every parameter."""
    compiled = quickly_compiled(jax.value_and_grad(lambda model: score(as_computed(model, compute), memory)))
    return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled(drawn(config)))]


def check_close(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert {leaf.dtype for leaf in found} == {np.dtype(np.float32)}
    assert all(np.isfinite(leaf).all() for leaf in found)
    assert found[0] == pytest.approx(expected[0], rel=0.02)
    ours, theirs = (np.concatenate([leaf.ravel() for leaf in leaves[1:]]) for leaves in (found, expected))
    assert np.linalg.norm(ours - theirs) < 0.1 * np.linalg.norm(theirs)
    assert not np.array_equal(ours, theirs)


@each_variant
def test_every_variant_s_gradient_is_near_that_of_single_precision(config: ModelConfig) -> None:
    check_close(gradient(config, "bfloat16"), gradient(config, "float32"))


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES.keys())
def test_every_memory_strategy_keeps_the_gradient(memory: Memory) -> None:
    check_close(gradient(SMALL, "bfloat16", memory), gradient(SMALL, "float32"))


def loops(jaxpr: Any) -> list[Any]:
    """Returns the equations of every loop inside, outermost first."""
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("scan", "while"):
            found.append(equation)
        for inner in jaxprs_in_params(equation.params):
            found += loops(inner)
    return found


def products(jaxpr: Any) -> list[Any]:
    """Returns the types of the factors of every product and convolution inside."""
    found = [
        variable.aval.dtype
        for equation in jaxpr.eqns
        if equation.primitive.name in ("dot_general", "conv_general_dilated")
        for variable in equation.invars
    ]
    for equation in jaxpr.eqns:
        for inner in jaxprs_in_params(equation.params):
            found += products(inner)
    return found


@each_variant
@pytest.mark.parametrize("compute", ["bfloat16", "float32"])
def test_products_and_the_state_between_steps_are_of_the_precision_asked_for(config: ModelConfig, compute: Any) -> None:
    model = jax.eval_shape(lambda: initial_model(jax.random.key(0), replace(config, compute=compute)))
    found = loops(jax.make_jaxpr(jax.grad(lambda model: score(model, STEP)))(model).jaxpr)
    assert {dtype for loop in found for inner in jaxprs_in_params(loop.params) for dtype in products(inner)} == {
        jnp.dtype(compute)
    }
    state = (3, BUCKET, config.height, config.channels)
    kinds = {variable.aval.dtype for loop in found for variable in loop.outvars if variable.aval.shape == state}
    # The sum of all states is kept in single precision: small states would be lost in it.
    assert kinds == {jnp.dtype(compute)} | ({jnp.dtype(jnp.float32)} if config.output == "sum" else set())


def test_evaluation_reads_out_and_shows_single_precision() -> None:
    model, (grid, mask) = as_computed(drawn(SMALL), "bfloat16"), inputs(1)

    @quickly_compiled
    def answered(model: NeuralGPU) -> tuple[jax.Array, jax.Array]:
        return model(grid, mask).logits, model.trace(grid, mask)

    logits, states = answered(model)
    exact, _ = answered(drawn(SMALL))
    assert logits.dtype == states.dtype == jnp.float32
    assert np.array_equal(states, np.asarray(states.astype(jnp.bfloat16), np.float32))
    assert np.abs(np.asarray(logits - exact)).max() < 0.05 * np.abs(np.asarray(exact)).max()
    assert not np.array_equal(logits, exact)


@pytest.mark.parametrize("config", [replace(SMALL, height=4), replace(VARIANTS["told its task"], height=4)], ids=str)
def test_a_model_that_keeps_results_of_points_has_the_gradient_of_one_that_convolves(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    convolving = gradient(config, "float32", STORE)
    monkeypatch.setattr("neuralgpu.model.convolution._WIDE_FOR_POINTS", config.channels)
    gradient.cache_clear()
    for found, expected in zip(gradient(config, "float32"), convolving, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    gradient.cache_clear()

"""The global operations: far in one step, blind to padding, little at first, learnable, and nothing when off."""

from dataclasses import replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.global_operation import SHIFTS, Attention, Shift, initial_operation
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU, Training
from neuralgpu.model.relaxation import distance_of_copies

OFF = ModelConfig(channels=6, height=2, layers=1, copies=2, dropout=0.0)
CONFIGS = {name: replace(OFF, global_operation=name, attention_width=4) for name in ("shift", "attention")}
each_operation = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
LENGTH, USED = 40, 33
quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""


def states(length: int = LENGTH, channels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Returns a state, the same whatever the padding behind it, and its mask."""
    mask = np.arange(length) < USED
    state = np.zeros((length, 2, channels), np.float32)
    state[:USED] = np.random.default_rng(0).uniform(-1, 1, (USED, 2, channels))
    return state, mask


def filled(shapes: Any, scale: float) -> Any:
    """Fills shapes with numbers that NumPy draws: compiling the real drawing takes longer than all the rest."""
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, scale, leaf.shape), jnp.float32), shapes)


def drawn(config: ModelConfig, scale: float = 0.5) -> Any:
    """Returns an operation with weights that do something."""
    return filled(jax.eval_shape(lambda: initial_operation(jax.random.key(0), config)), scale)


@quickly_compiled
def applied(operation: Any, state: Any, mask: Any) -> jax.Array:
    return operation(state, mask)


def moving(**amounts: int) -> Shift:
    """Returns an operation that moves each of six channels, named c0 to c5, by its amount; all others stay."""
    weights = np.zeros((6, len(SHIFTS)), np.float32)
    for name, amount in amounts.items():
        weights[int(name[1])] = np.where(np.array(SHIFTS) == amount, 10.0, -10.0)
    return Shift(jnp.asarray(weights))


def test_shift_moves_a_channel_far_in_one_step_and_loses_what_leaves() -> None:
    state, mask = states()
    moved = np.asarray(applied(moving(c1=16, c2=-32, c3=1, c4=4096), state, mask))
    expected = np.zeros_like(state[..., 1:5])
    expected[16:USED, :, 0] = state[: USED - 16, :, 1]
    expected[: USED - 32, :, 1] = state[32:USED, :, 2]
    expected[1:USED, :, 2] = state[: USED - 1, :, 3]
    assert moved[..., 1:5] == pytest.approx(expected, abs=1e-5)
    assert np.abs(moved[..., 0] - state[..., 0]).max() < 0.02


def test_shift_mixes_amounts_by_the_softmax_of_its_weights() -> None:
    state, mask = states()
    operation = drawn(CONFIGS["shift"], scale=0.3)
    logits = 10 * np.asarray(operation.weights, np.float64)
    logits[:, 0] += 8
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.zeros(state.shape)
    for position in range(USED):
        for index, shift in enumerate(SHIFTS):
            if 0 <= position - shift < LENGTH:
                expected[position] += shares[:, index] * state[position - shift]
    assert np.asarray(applied(operation, state, mask)) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - state).max() > 0.1


def test_attention_reads_by_content_as_a_loop_does() -> None:
    state, mask = states()
    operation = drawn(CONFIGS["attention"])
    flat = state[:USED].reshape(USED, -1).astype(np.float64)
    query, key, gate, bias = (np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(operation))
    expected = np.zeros(state.shape)
    for position in range(USED):
        scores = np.array([(flat[position] @ query) @ (other @ key) / 2 for other in flat])  # width 4
        shares = np.exp(scores) / np.exp(scores).sum()
        own, read = state[position], (shares @ flat).reshape(2, 6)
        opened = 1 / (1 + np.exp(-(own @ gate + bias - 5)))
        expected[position] = (1 - opened) * own + opened * read
    assert np.asarray(applied(operation, state, mask)) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - state).max() > 0.01


def test_attention_fetches_a_symbol_from_the_other_end() -> None:
    mask = np.arange(LENGTH) < USED
    state = np.zeros((LENGTH, 1, 3), np.float32)
    state[0, 0] = [1, 0, 0]  # asks, with channel 0, for the one position with something in channel 1
    state[USED - 1, 0] = [0, 1, 0.7]
    operation = Attention(
        jnp.asarray([[40.0], [0.0], [0.0]]), jnp.asarray([[0.0], [1.0], [0.0]]), jnp.zeros((3, 3)), jnp.full(3, 50.0)
    )
    assert np.asarray(applied(operation, state, mask))[0, 0] == pytest.approx([0, 1, 0.7], abs=1e-5)


@each_operation
def test_padding_is_neither_read_nor_written(config: ModelConfig) -> None:
    operation = drawn(config)
    short, long = (np.asarray(applied(operation, *states(length))) for length in (USED + 1, 90))
    assert not long[USED:].any() and np.abs(long[:USED]).max() > 0.1
    assert short[:USED] == pytest.approx(long[:USED], abs=1e-6)
    nothing = np.asarray(applied(operation, np.zeros((5, 2, 6), np.float32), np.zeros(5, bool)))
    assert not nothing.any(), "an example of padding only has a finite result"


@each_operation
def test_what_was_within_bounds_stays_so(config: ModelConfig) -> None:
    for scale in (0.5, 20.0):
        result = np.asarray(applied(drawn(config, scale), np.sign(states()[0]), states()[1]))
        assert np.abs(result).max() <= 1 + 1e-5


@each_operation
def test_a_new_operation_leaves_the_state_nearly_as_it_is(config: ModelConfig) -> None:
    state, mask = states()
    operation = quickly_compiled(lambda: initial_operation(jax.random.key(2), config))()
    change = np.abs(np.asarray(applied(operation, state, mask)) - state).max()
    assert 1e-3 < change < 0.03


def test_shift_learns_a_far_move_from_examples() -> None:
    optimiser: Any = optax.adam(0.01)
    rng = np.random.default_rng(3)
    state = jnp.asarray(rng.uniform(-1, 1, (8, LENGTH, 1, 1)), jnp.float32)
    target = jnp.pad(state, ((0, 0), (16, 0), (0, 0), (0, 0)))[:, :LENGTH]
    mask = np.ones(LENGTH, bool)

    def loss(operation: Shift) -> jax.Array:
        return jnp.mean((jax.vmap(lambda state: operation(state, mask))(state) - target) ** 2)

    @quickly_compiled
    def learned(operation: Shift) -> Shift:
        def step(carry: tuple[Shift, Any], _: None) -> tuple[tuple[Shift, Any], None]:
            operation, moments = carry
            updates, moments = optimiser.update(jax.grad(loss)(operation), moments)
            return (eqx.apply_updates(operation, updates), moments), None

        return jax.lax.scan(step, (operation, optimiser.init(operation)), None, length=200)[0][0]

    operation = learned(Shift(jnp.zeros((1, len(SHIFTS)))))
    assert SHIFTS[int(jnp.argmax(operation.weights[0]))] == 16
    assert float(loss(operation)) < 0.01 < 0.2 < float(loss(Shift(jnp.zeros((1, len(SHIFTS))))))


def shapes_of(config: ModelConfig) -> Any:
    return jax.eval_shape(lambda: initial_model(jax.random.key(4), config))


def model_of(config: ModelConfig) -> NeuralGPU:
    return filled(shapes_of(config), 0.3)


def leaves(model: NeuralGPU) -> list[jax.Array]:
    return jax.tree.leaves(model.global_operation)


def without_operation(model: Any) -> Any:
    return eqx.tree_at(lambda model: model.global_operation, model, None, is_leaf=lambda part: part is None)


def inputs(bucket: int) -> tuple[np.ndarray, np.ndarray]:
    mask = np.arange(bucket) < 5
    grid = np.where(mask, np.random.default_rng(5).integers(1, 12, bucket), 0)[:, None]
    grid[:5, 0] = (1, 2, 12, 2, 1)
    return grid, mask


@each_operation
def test_other_weights_are_those_of_a_model_without_it(config: ModelConfig) -> None:
    without, having = (
        quickly_compiled(lambda config=config: initial_model(jax.random.key(4), config))() for config in (OFF, config)
    )
    assert without.global_operation is None
    assert len(jax.tree.leaves(without)) == 7, "embedding, two of gates, two of candidate, readout, its bias"
    for ours, theirs in zip(jax.tree.leaves(without), jax.tree.leaves(without_operation(having)), strict=True):
        assert np.array_equal(ours, theirs)


def test_off_computes_nothing_else() -> None:
    grid, mask = inputs(8)

    def program(model: Any) -> str:
        return str(jax.make_jaxpr(lambda model: model(grid, mask))(model))

    off, on = shapes_of(OFF), shapes_of(CONFIGS["shift"])
    assert program(off) == program(without_operation(on)) != program(on)


@each_operation
def test_a_longer_bucket_gives_the_same_logits(config: ModelConfig) -> None:
    model = model_of(config)
    run = quickly_compiled(lambda model, grid, mask: model(grid, mask).logits)
    short, long, bare = (
        np.asarray(run(given, *inputs(bucket)))[:5]
        for given, bucket in ((model, 6), (model, 20), (without_operation(model), 6))
    )
    assert short == pytest.approx(long, abs=1e-5)
    assert np.abs(short - bare).max() > 1e-3


@each_operation
def test_the_gradient_reaches_every_copy_s_parameters(config: ModelConfig) -> None:
    grid, mask = inputs(8)
    given = Training(np.array(1, np.uint32), np.array(0, np.float32), np.array(0, np.float32))

    @quickly_compiled
    def gradient(model: NeuralGPU) -> NeuralGPU:
        return jax.grad(lambda model: jnp.sum(jnp.sin(model(grid, mask, given).logits)))(model)

    found = [np.asarray(leaf) for leaf in leaves(gradient(model_of(config)))]
    assert found
    for leaf in found:
        assert len(leaf) == config.copies
        assert np.isfinite(leaf).all() and all(np.abs(copy).max() > 1e-6 for copy in leaf)


@each_operation
def test_copies_are_pulled_together_with_the_cells(config: ModelConfig) -> None:
    model = model_of(config)
    apart = jax.tree.map(lambda leaf: leaf.at[0].add(1.0), model.global_operation)
    moved = model.with_relaxed((model.cells, apart))
    distance = quickly_compiled(lambda model: distance_of_copies(model.relaxed))
    distances = [float(distance(model)) for model in (model, moved)]
    apart_before = [np.asarray(leaf[0]) - np.asarray(leaf[1]) for leaf in leaves(model)]
    gap = sum(float(np.sum((difference + 1) ** 2 - difference**2)) for difference in apart_before) / 2
    assert distances[1] - distances[0] == pytest.approx(gap, rel=1e-3)
    assert gap > 1

"""Steps that are taken only where a state moves, held to all the steps of all the positions."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.moving import unroll_where_moving
from neuralgpu.model.neural_gpu import NeuralGPU

from .conftest import CONFIGS, drawn, each_config

LENGTH, REACH = 300, 2
EDGES = [[0, 0], [REACH, REACH], [0, 0], [0, 0]]


def carrying(rule: jax.Array, state: jax.Array, given: jax.Array) -> jax.Array:
    """A sum's carry, one place a step: 1 is a place that is passed on through, 2 one that passes on."""
    arrives = jnp.pad(state, ((1, 0), (0, 0), (0, 0)))[:-1] == 2
    return jnp.where((state == 1) & arrives, 2, state) * given


def automaton(rule: jax.Array, state: jax.Array, given: jax.Array) -> jax.Array:
    """A cellular automaton of three states whose neighbourhood has five places; the rule says what each makes."""
    padded = jnp.pad(state, EDGES[1:]).astype(int)
    code = sum(padded[shift : shift + len(state)] * 3**shift for shift in range(2 * REACH + 1))
    return rule[code].astype(state.dtype) * given


def drawn_rule(moving: float, seed: int) -> jax.Array:
    """Draws a rule that leaves most places as they are."""
    rng = np.random.default_rng(seed)
    kept = np.arange(3 ** (2 * REACH + 1)) // 3**REACH % 3
    return jnp.asarray(np.where(rng.random(kept.shape) < moving, rng.integers(0, 3, kept.shape), kept))


def every_step(step: Callable[..., Any], rule: Any, state: Any, given: Any, steps: int) -> np.ndarray:
    advance = jax.jit(step)
    for _ in range(steps):
        state = advance(rule, state, given)
    return np.asarray(state)


@pytest.mark.parametrize("moving", [0.03, 0.1, 1.0])
@pytest.mark.parametrize("length", [1, 31, 32, 33, LENGTH])
def test_a_batch_is_as_after_every_step_of_every_place(moving: float, length: int) -> None:
    rng = np.random.default_rng(length)
    states = rng.integers(0, 3, (4, length, 1, 1)).astype(np.float32)
    given = (np.arange(length) < np.array([[1], [length // 2], [length], [length]]))[..., None, None].astype(np.float32)
    steps, rule = np.array([9, 0, 201, 198]), drawn_rule(moving, length)
    states *= given
    run = jax.jit(jax.vmap(partial(unroll_where_moving, automaton, reach=REACH), (None, 0, 0, 0)))
    found = run(rule, states, given, steps)
    for one, state, weight, count in zip(found, states, given, steps, strict=True):
        assert np.array_equal(one, every_step(automaton, rule, state, weight, count))


def test_an_example_by_itself_and_a_batch_of_models_agree_with_every_step() -> None:
    rules = jnp.stack([drawn_rule(0.1, seed) for seed in range(3)])
    state = jnp.asarray(np.random.default_rng(0).integers(0, 3, (LENGTH, 1, 1)), jnp.float32)
    given = jnp.ones_like(state)
    expected = [every_step(automaton, rule, state, given, 50) for rule in rules]
    run = jax.jit(lambda rule: unroll_where_moving(automaton, rule, state, given, 50, REACH))
    assert np.array_equal(run(rules[0]), expected[0])
    assert np.array_equal(jax.vmap(run)(rules), expected)


def test_places_at_rest_cost_nothing() -> None:
    taken: list[int] = []

    def counted(rule: Any, state: jax.Array, given: jax.Array) -> jax.Array:
        jax.debug.callback(lambda place: taken.append(int(place)), state[0, 0, 0])
        return carrying(rule, state, given)

    length = 1000
    given = jnp.ones((length, 1, 1))
    state = given.at[0].set(2)
    for steps, blocks in ((length - 1, length), (10**6, length), (10, 10)):
        taken.clear()
        found = jax.jit(lambda steps: unroll_where_moving(counted, None, state, given, steps, 1))(steps)
        jax.effects_barrier()
        assert np.array_equal(found[:, 0, 0], np.where(np.arange(length) <= steps, 2, 1))
        # All of them once, and then the few around the carry.
        assert len(taken) < 4 * length // 32 + 8 * blocks + 100


@each_config
def test_a_model_answers_as_after_every_step(config: ModelConfig) -> None:
    config = replace(config, copies=1, rounding=4, task_channels=2)
    model, rng, length = drawn(config), np.random.default_rng(3), 120
    grids = rng.integers(1, 12, (3, length, 1))
    masks = np.arange(length) < np.array([[7], [length - 20], [length]])
    grids = grids * masks[..., None]

    def answers(model: NeuralGPU, until_settled: bool) -> Any:
        def of_one(grid: Any, mask: Any) -> jax.Array:
            return model(grid, mask, task=jnp.int32(1), until_settled=until_settled).logits

        return jax.vmap(of_one)(grids, masks)

    found, expected = (np.asarray(jax.jit(answers, static_argnums=1)(model, settled)) for settled in (True, False))
    assert np.ptp(expected) > 0.5
    assert np.array_equal(found, expected)


def test_only_what_a_step_makes_of_its_neighbourhood_rests_in_parts() -> None:
    config = replace(CONFIGS["diagonal"], rounding=4)
    assert config.rests_in_parts
    others = (
        {"rounding": 0},
        {"copies": 2},
        {"global_operation": "shift"},
        {"batch_norm": "masked"},
        {"output": "sum"},
    )
    assert not any(replace(config, **other).rests_in_parts for other in others)

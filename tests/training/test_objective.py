"""The loss of a bucket against the model's own logits: what counts, and what it is divided by."""

from dataclasses import replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU, Training
from neuralgpu.tasks import find_task
from neuralgpu.training.objective import Examples, Report, Weights, active_positions, objective

BATCH, LENGTH, BUCKET = 4, 7, 10
quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""


def model_of(config: RunConfig) -> NeuralGPU:
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: initial_model(jax.random.key(0), config.model))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(-1.5, 1.5, leaf.shape), jnp.float32), shapes)


def examples(padding: int = BUCKET - LENGTH) -> Examples:
    batch = find_task("badd").sample(np.random.default_rng(2), LENGTH, BATCH)
    return Examples(
        np.pad(batch.grid, ((0, 0), (0, padding), (0, 0))),
        np.pad(batch.target, ((0, 0), (0, padding))),
        np.arange(BATCH, dtype=np.uint32),
        np.array(BUCKET, np.float32),
        np.array(BUCKET + 1, np.int32),
        np.array(1, np.float32),
        np.array(0, np.int32),
    )


WEIGHTS = Weights(*(np.array(number, np.float32) for number in (0.01, 0.0, 0.5, 0.05)))


def test_active_positions_are_those_of_input_or_target() -> None:
    grid = np.array([[[1, 0], [0, 2], [0, 0], [0, 0]]])
    target = np.array([[0, 0, 3, 0]])
    assert active_positions(grid, target).tolist() == [[True, True, True, False]]


def test_loss_and_report_are_sums_over_the_model_s_own_logits(config: RunConfig) -> None:
    model, given = model_of(config), examples()
    rate = config.model.dropout * (8 / BUCKET if config.model.cell == "cgru" else 1)

    @quickly_compiled
    def both(model: NeuralGPU, given: Examples) -> Any:
        mask = active_positions(given.grid, given.target)
        outputs = jax.vmap(
            lambda grid, mask, seed: model(grid, mask, Training(seed, jnp.asarray(rate), jnp.asarray(0.05)))
        )(given.grid, mask, given.seed)
        return objective(model, given, WEIGHTS, config), outputs

    (loss, report), (logits, saturation, *_) = both(model, given)
    probabilities = np.exp(np.asarray(logits, np.float64))
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    right = np.take_along_axis(probabilities, np.asarray(given.target)[..., None], axis=-1)[..., 0]
    counted = slice(None) if config.optimiser.loss_over == "bucket" else slice(LENGTH)
    assert float(report.loss) == pytest.approx(-np.log(right)[:, counted].sum() / (BATCH * BUCKET), rel=1e-4)
    assert float(report.saturation) == pytest.approx(float(saturation.sum()) / (BATCH * BUCKET**2), rel=1e-5)
    assert (float(report.saturation) > 0.01) == (config.model.cell == "diagonal")
    assert float(loss) == pytest.approx(float(report.loss + 0.5 * report.saturation), rel=1e-6)


def test_a_masked_position_does_not_count(cgru_config: RunConfig) -> None:
    model = model_of(cgru_config)

    @quickly_compiled
    def report(given: Examples, bias: jax.Array) -> Report:
        # The bias alone makes the output where the state is masked.
        shifted = eqx.tree_at(lambda model: model.readout_bias, model, model.readout_bias + bias)
        return objective(shifted, given, WEIGHTS, cgru_config)[1]

    nothing = jnp.zeros(cgru_config.model.vocabulary)
    padded = report(examples(), nothing)
    longer = report(examples(padding=9), nothing)
    assert float(longer.loss) == pytest.approx(float(padded.loss), rel=1e-5)
    assert float(longer.sequence_error) == float(padded.sequence_error)


def test_an_input_is_wrong_when_any_asked_symbol_is(cgru_config: RunConfig) -> None:
    silent = jax.tree.map(jnp.zeros_like, model_of(cgru_config))
    # A model that always says 1: right where the target is all 1 or padding.
    says_one = eqx.tree_at(lambda model: model.readout_bias, silent, jnp.zeros(33).at[1].set(5.0))
    given = examples()
    target = np.zeros_like(given.target)
    target[0, :3], target[1, :3], target[2, :3], target[3, :0] = 1, (1, 2, 1), 2, 0
    report = quickly_compiled(lambda given: objective(says_one, given, WEIGHTS, cgru_config)[1])(
        replace_target(given, target)
    )
    assert float(report.sequence_error) == 0.5


def replace_target(given: Examples, target: np.ndarray) -> Examples:
    return given._replace(target=target)


def test_a_model_that_is_told_its_task_answers_by_it(cgru_config: RunConfig) -> None:
    config = replace(cgru_config, model=replace(cgru_config.model, task_channels=2))

    @quickly_compiled
    def loss(model: NeuralGPU, given: Examples) -> jax.Array:
        return objective(model, given, WEIGHTS, config)[0]

    model, given = model_of(config), examples()
    losses = [float(loss(model, given._replace(task=np.array(task, np.int32)))) for task in (0, 1, 0)]
    assert losses[0] == losses[2]
    assert abs(losses[0] - losses[1]) > 1e-3


def test_movement_costs_its_weight(config: RunConfig) -> None:
    counted = replace(config, model=replace(config.model, movement_limit=0.1))
    given, mask = examples(), active_positions(examples().grid, examples().target)
    model = model_of(counted)
    rate = config.model.dropout * (8 / BUCKET if config.model.cell == "cgru" else 1)

    @quickly_compiled
    def losses(model: NeuralGPU) -> Any:
        outputs = jax.vmap(
            lambda grid, mask, seed: model(
                grid, mask, Training(seed, jnp.asarray(rate), jnp.asarray(0.05), given.steps), None, given.task
            )
        )(given.grid, mask, given.seed)
        weighed = replace(counted, optimiser=replace(counted.optimiser, movement_weight=0.3))
        found = [objective(model, given, WEIGHTS, settings)[0] for settings in (counted, weighed)]
        return *found, jnp.sum(jnp.asarray(outputs.movement))

    free, weighed, movement = map(float, losses(model))
    assert movement > 1
    assert weighed - free == pytest.approx(0.3 * movement / (BUCKET**2 * BATCH), rel=1e-3)

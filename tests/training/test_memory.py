"""What is kept for the backward pass changes a step's memory, never what is learned."""

from dataclasses import replace
from functools import cache, partial
from typing import Any, get_args, get_type_hints

import jax
import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.training import memory
from neuralgpu.training.memory import settled, step_bytes
from neuralgpu.training.microbatch import batch_gradient
from neuralgpu.training.objective import Examples, Weights

ONE_ROW = ModelConfig(channels=6, height=1, layers=1, copies=2, dropout=0.3, noise=0.1)
MODELS = {
    "cgru": replace(ONE_ROW, height=2),
    "diagonal": replace(ONE_ROW, cell="diagonal", copies=1, stop="bucket"),
    "residual, attention, sum": replace(ONE_ROW, cell="residual", layers=2, global_operation="attention", output="sum"),
    "cgru, batch norm, shift, told": replace(ONE_ROW, global_operation="shift", batch_norm="masked", task_channels=2),
}
BATCH, BUCKET, LENGTHS = 4, 11, (5, 4, 7, 3)


def test_every_cell_is_here() -> None:
    assert {model.cell for model in MODELS.values()} == set(get_args(get_type_hints(ModelConfig)["cell"]))


def inputs(seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    used = np.arange(BUCKET) < np.array(LENGTHS)[:, None]
    grid, target = rng.integers(1, 12, (BATCH, BUCKET)) * used, rng.integers(1, 3, (BATCH, BUCKET)) * used
    seeds = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
    bucket, steps = np.array(BUCKET, np.float32), np.array(BUCKET + 1, np.int32)
    one, task = np.array(1, np.float32), np.array(seed, np.int32)
    return Examples(grid[..., None].astype(np.int32), target.astype(np.int32), seeds, bucket, steps, one, task)


@cache
def gradients(variant: str, strategy: str, microbatch: int = 0, seeds: int = 1) -> list[np.ndarray]:
    """Returns gradient and report of seeds side by side, as a device that batches them computes it."""
    config = RunConfig(task="badd", batch=BATCH, model=MODELS[variant], memory=strategy, microbatch=microbatch)
    shapes = jax.eval_shape(lambda: initial_model(jax.random.key(0), config.model))
    rng = np.random.default_rng(1)
    size = 0.2 if MODELS[variant].cell == "residual" else 0.6  # its states and errors grow
    models = jax.tree.map(lambda leaf: rng.uniform(-size, size, (seeds, *leaf.shape)).astype(np.float32), shapes)
    examples = jax.tree.map(lambda *leaves: np.stack(leaves), *map(inputs, range(seeds)))
    weights = Weights(*(np.full(seeds, number, np.float32) for number in (0.01, 0.0, 1e-3, 0.1)))
    quickly = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

    def of_seeds(models: Any, examples: Examples, weights: Weights) -> Any:
        return jax.vmap(partial(batch_gradient, config=config))(models, examples, weights)

    def of_one(*inputs: Any) -> Any:
        model, examples, weights = jax.tree.map(lambda leaf: leaf[0], inputs)
        return batch_gradient(model, examples, weights, config)

    found = quickly(of_one if seeds == 1 else of_seeds)(models, examples, weights)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found)]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    assert sum(np.abs(leaf).max() > 1e-3 for leaf in one) >= 6, "embedding, gates, candidate, readout, report"
    for leaf, again in zip(one, other, strict=True):
        assert np.abs(leaf - again).max() <= 1e-5 * np.abs(leaf).max()


@pytest.mark.parametrize("strategy", ["step", "sqrt", "treeverse:3", "offload"])
@pytest.mark.parametrize("variant", MODELS)
def test_every_strategy_has_the_gradient_of_storing_everything(variant: str, strategy: str) -> None:
    assert_same(gradients(variant, "store"), gradients(variant, strategy))


@pytest.mark.parametrize("variant", [name for name, model in MODELS.items() if model.batch_norm == "off"])
def test_groups_of_the_batch_have_the_gradient_of_the_batch(variant: str) -> None:
    assert_same(gradients(variant, "store"), gradients(variant, "treeverse:3", microbatch=2))


def test_batch_normalisation_takes_the_whole_batch() -> None:
    with pytest.raises(UserError, match="leave microbatch 0"):
        RunConfig(task="badd", batch=4, model=ModelConfig(batch_norm="masked"), microbatch=2)


def test_batched_seeds_have_the_gradients_of_storing_everything() -> None:
    assert_same(gradients("diagonal", "store", seeds=2), gradients("diagonal", "treeverse:3", microbatch=2, seeds=2))


@pytest.fixture
def long(cgru_config: RunConfig) -> RunConfig:
    """Settings with one bucket of 48, which takes 48 steps."""
    return replace(cgru_config, curriculum=replace(cgru_config.curriculum, max_length=48, buckets=(48,)))


@pytest.mark.usefixtures("quickly_compiled")
def test_each_strategy_needs_less_than_the_one_before_it(long: RunConfig) -> None:
    strategies = ("store", "step", "sqrt", "treeverse:2")
    needed = [step_bytes(replace(long, memory=strategy)) for strategy in strategies]
    needed.append(step_bytes(replace(long, memory="treeverse:2", microbatch=1)))
    assert needed == sorted(needed, reverse=True)
    state = 48 * long.model.height * long.model.channels * 4 * long.batch * len(long.seeds)
    assert needed[0] - needed[1] > 48 * 3 * state, "more than three states a step"
    assert needed[1] - needed[3] > 40 * state


@pytest.mark.parametrize(
    ("budget", "chosen"), [(100, "step"), (99, "treeverse:48"), (55, "treeverse:24"), (11, "treeverse:3")]
)
def test_the_fastest_that_fits_is_chosen(
    monkeypatch: pytest.MonkeyPatch, long: RunConfig, budget: int, chosen: str
) -> None:
    monkeypatch.setattr(memory, "step_bytes", needs)
    choice = settled(replace(long, memory="auto"), budget)
    assert (choice.config, choice.needed, choice.budget) == (replace(long, memory=chosen), needs(choice.config), budget)


def test_a_budget_that_nothing_fits_is_refused(monkeypatch: pytest.MonkeyPatch, long: RunConfig) -> None:
    monkeypatch.setattr(memory, "step_bytes", needs)
    with pytest.raises(UserError, match="into 10 B: treeverse:3 still needs 11 B; use --microbatch, "):
        settled(long, 10)


def needs(config: RunConfig) -> int:
    """Stands for the compiler's analysis: 100 bytes for step, one for each state of treeverse and 8 beside them."""
    return 100 if config.memory == "step" else config.strategy.snapshots + 8


def test_without_a_budget_a_share_of_the_machine_is_taken(monkeypatch: pytest.MonkeyPatch, long: RunConfig) -> None:
    monkeypatch.setattr(memory, "step_bytes", needs)
    monkeypatch.setattr(memory, "memory_bytes", lambda: 1000)
    assert settled(long, None).budget == 800


def test_an_open_choice_is_no_strategy(cgru_config: RunConfig) -> None:
    with pytest.raises(UserError, match=r"^memory 'auto' is not settled yet; "):
        _ = replace(cgru_config, memory="auto").strategy

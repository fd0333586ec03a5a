from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.evaluation.search import find_counterexamples
from neuralgpu.evaluation.search.gradients import ModelGradients
from neuralgpu.evaluation.search.substitution import paired_substitutions, proposals, single_substitutions
from neuralgpu.evaluation.search.texts import normal
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.tasks import find_task

from ..conftest import tiny_run

TEXT = "1011+0110"
OTHERS = ["1010+0110", "0011+0110", "1011+0010", "0010+1111"]
STEP = 1e-2
TOLERANCE = 5e-3
"""Of central differences in single precision, over the largest of the slopes."""


@pytest.fixture
def smooth(models: TrainedModels) -> TrainedModels:
    """Models with small weights, whose loss has no kink within the step."""
    return replace(models, model=jax.tree.map(lambda array: 0.2 * array, models.model))


def log_probabilities(models: TrainedModels, text: str, others: list[str], shares: list[float]) -> np.ndarray:
    """Returns the target's where each place is a part of the way from one text's symbol to another's.

    The mixed symbols are further rows of the embedding, so that nothing but the model itself is used.
    """
    task = models.task
    grid = task.encode(text)
    target = task.encode_output(task.solve(text), len(grid))
    symbols = models.config.vocabulary + np.arange(grid.size).reshape(grid.shape)

    def of_one(model: NeuralGPU, towards: jax.Array, share: jax.Array) -> jax.Array:
        known = model.embedding.at[0].set(0)
        rows = (1 - share) * known[grid.ravel()] + share * known[towards.ravel()]
        mixed = eqx.tree_at(lambda model: model.embedding, model, jnp.concatenate([model.embedding, rows]))
        logits = mixed(symbols, np.ones(len(grid), bool)).logits
        return jax.nn.log_softmax(logits)[jnp.arange(len(target)), target]

    of_seeds = jax.vmap(of_one, in_axes=(0, None, None))
    of_all = jax.vmap(jax.vmap(of_seeds, in_axes=(None, 0, None)), in_axes=(None, None, 0))
    towards = np.stack(list(map(task.encode, others)))
    return np.asarray(jax.jit(of_all)(models.model, towards, np.array(shares, np.float32)), np.float64)


def test_rises_are_the_slopes_of_the_loss(smooth: TrainedModels) -> None:
    found = log_probabilities(smooth, TEXT, OTHERS, [STEP, -STEP])
    for average in (False, True):
        each = np.log(np.exp(found).mean(axis=2, keepdims=True)) if average else found
        ahead, behind = -each.sum(axis=-1)
        slopes = (ahead - behind) / (2 * STEP)
        [_, known] = ModelGradients(replace(smooth, average=average)).first_order(["0000+1111", TEXT])
        np.testing.assert_allclose([known.losses] * len(OTHERS), (ahead + behind) / 2, rtol=1e-3)
        rises = [known.rises(other) for other in OTHERS]
        np.testing.assert_allclose(rises, slopes, atol=TOLERANCE * np.abs(slopes).max())
        assert np.ptp(slopes) > np.abs(slopes).max() / 2


def test_aligned_rows_have_gradients_of_their_own(tmp_path: Path) -> None:
    models = load_models(tiny_run(tmp_path / "run", task="badde"))
    [known] = ModelGradients(models).first_order([TEXT])
    first, second = known.rises("0011+0110"), known.rises("1011+1110")
    np.testing.assert_allclose(known.rises("0011+1110"), np.add(first, second), rtol=1e-4)
    assert not np.allclose(first, second)


def test_substitutions() -> None:
    assert list(single_substitutions("10+01", 2)) == ["00+01", "11+01", "10+11", "10+00"]
    task = find_task("add")
    found = list(paired_substitutions("47+19", 10))
    assert set(found) == {"49+17", "48+18", "17+49", "57+09", "37+29"}
    assert {task.solve(text) for text in found} == {task.solve("47+19")}
    assert list(paired_substitutions("312", 4)) == ["132", "321"]


def test_proposals_are_ranked_and_keep_the_answer_first(models: TrainedModels) -> None:
    task = models.task
    [known] = ModelGradients(models).first_order([TEXT])
    found = proposals(task, TEXT, known, [0, 1], 3)
    assert len(found) == 6
    for loss, text in found:
        assert normal(task, text) == text
        assert loss == pytest.approx(sum(known.losses) + sum(known.rises(text)))
    kept = [loss for loss, text in found if task.solve(text) == task.solve(TEXT)]
    assert kept[:3] == [loss for loss, _ in found[:3]] == sorted(kept[:3], reverse=True)


def test_a_search_with_gradients_is_a_function_of_its_seed(models: TrainedModels) -> None:
    def records() -> list[dict[str, object]]:
        found = find_counterexamples(models, seconds=600.0, longest=7, most_tries=120, gradients=ModelGradients(models))
        return [one.record() for one in found.counterexamples]

    first = records()
    assert first == records()
    assert first
    assert {record["seed"] for record in first} <= {3, 9}

"""The fused kernels compute what the unrolled model does; a CPU runs them by Pallas's interpreter."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.config import RunConfig
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused import why_not_fused
from neuralgpu.model.neural_gpu import initial_model
from neuralgpu.training.objective import Examples, Weights, objective

BATCH, BUCKET, LENGTHS = 3, 6, (6, 3, 5)
MODELS: dict[str, dict[str, Any]] = {
    "classic": {},
    "no cutoff": {"sigmoid_cutoff": 0.0, "copies": 1},
    "tanh cutoff": {"tanh_cutoff": 1.2, "height": 3},
    "no dropout, noise": {"dropout": 0.0, "noise": 0.1, "layers": 1},
    "whole bucket": {"stop": "bucket", "kernel": 5, "height": 5},
    "longer": {"steps_scale": 1.5, "channels": 17},
    "diagonal": {"cell": "diagonal", "copies": 1, "layers": 1, "height": 1, "noise": 0.1, "stop": "bucket"},
    "diagonal, no shift": {"cell": "diagonal", "shift": "none", "dropout": 0.0, "input_dropout": 0.1, "height": 2},
    "diagonal, two layers": {"cell": "diagonal", "channels": 9, "height": 2, "noise": 0.05},
    "half precision": {"compute": "bfloat16"},
    "diagonal, half precision": {"cell": "diagonal", "compute": "bfloat16", "noise": 0.1},
}


def run_config(fused: str, **model: Any) -> RunConfig:
    """Returns the settings of a small run."""
    config = ModelConfig(**{"channels": 5, "copies": 2, "height": 4, **model})
    return replace(RunConfig(task="badd", batch=BATCH, model=config), fused=fused)  # pyright: ignore[reportArgumentType]


def examples(generator: np.random.Generator, seeds: int) -> Examples:
    """Returns inputs of several lengths for every seed."""
    grid = np.zeros((seeds, BATCH, BUCKET, 2), np.int32)
    for number, length in enumerate(LENGTHS):
        grid[:, number, :length] = generator.integers(1, 10, (seeds, length, 2))
    target = np.where(grid[..., 0] > 0, generator.integers(1, 10, grid.shape[:-1]), 0).astype(np.int32)

    def each(value: float, dtype: Any) -> np.ndarray:
        return np.full(seeds, value, dtype)

    seed = generator.integers(0, 2**32, (seeds, BATCH), np.uint32)
    return Examples(
        grid, target, seed, each(BUCKET, np.float32), each(BUCKET + 1, np.int32), each(1, np.float32), each(0, np.int32)
    )


def gradients(config: RunConfig, seeds: int = 2) -> tuple[Any, Any]:
    """Returns loss, report and gradient of some seeds."""
    models = jax.vmap(lambda key: initial_model(key, config.model))(jax.random.split(jax.random.key(1), seeds))
    weights = Weights(*(jnp.full(seeds, value) for value in (0.001, 0.0005, 0.5, config.model.noise)))

    def of_seed(model: Any, examples: Examples, weights: Weights) -> Any:
        return jax.value_and_grad(objective, has_aux=True)(model, examples, weights, config)

    return jax.jit(jax.vmap(of_seed))(models, examples(np.random.default_rng(0), seeds), weights)


@pytest.mark.parametrize("name", MODELS)
def test_fused_kernels_have_the_unrolled_models_gradient(name: str) -> None:
    (loss, report), gradient = gradients(run_config("off", **MODELS[name]))
    (fused_loss, fused_report), fused_gradient = gradients(run_config("on", **MODELS[name]))
    single = MODELS[name].get("compute") is None
    close, closer = (2e-5, 2e-5) if single else (0.06, 0.02)
    np.testing.assert_allclose(fused_loss, loss, rtol=closer)
    np.testing.assert_allclose(fused_report.saturation, report.saturation, rtol=closer, atol=1e-6)
    for expected, found in zip(jax.tree.leaves(gradient), jax.tree.leaves(fused_gradient), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=close * max(1e-3, float(np.abs(expected).max())))


@pytest.mark.parametrize(
    "model",
    [
        {"cell": "residual"},
        {"output": "sum"},
        {"batch_norm": "masked"},
        {"task_channels": 2},
        {"global_operation": "shift"},
        {"tanh_smooth": 1.5},
        {"cell": "diagonal", "saturation_limit": 1.0},
    ],
)
def test_models_that_the_kernels_do_not_know_are_named(model: dict[str, Any]) -> None:
    assert why_not_fused(ModelConfig(**model)) in model
    assert why_not_fused(ModelConfig()) is None

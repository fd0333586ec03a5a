"""The fused kernels compute what the unrolled model does; a CPU runs them by Pallas's interpreter."""

import re
from dataclasses import replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.fused import backward, forward, kernel_slope, shape, tile, units
from neuralgpu.model.initial import initial_model
from neuralgpu.training.objective import Examples, Weights, is_fused, objective

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
}
IN_THE_GATE = ("classic", "diagonal")
"""Each takes up to half a minute to compile for the interpreter."""


def run_config(fused: str, **model: Any) -> RunConfig:
    """Returns the settings of a small run."""
    config = ModelConfig(**{"channels": 5, "copies": 2, "height": 4, **model})
    return RunConfig(task="badd", batch=BATCH, model=config, fused=cast("Any", fused))


def examples(generator: np.random.Generator, seeds: int, rows: int) -> Examples:
    """Returns inputs of several lengths for every seed."""
    grid = np.zeros((seeds, BATCH, BUCKET, rows), np.int32)
    for number, length in enumerate(LENGTHS):
        grid[:, number, :length] = generator.integers(1, 10, (seeds, length, rows))
    target = np.where(grid[..., 0] > 0, generator.integers(1, 10, grid.shape[:-1]), 0).astype(np.int32)

    def each(value: float, dtype: Any) -> np.ndarray:
        return np.full(seeds, value, dtype)

    seed = generator.integers(0, 2**32, (seeds, BATCH), np.uint32)
    return Examples(
        grid, target, seed, each(BUCKET, np.float32), each(BUCKET + 1, np.int32), each(1, np.float32), each(0, np.int32)
    )


def gradients(config: RunConfig, seeds: int = 2, saturation: float = 0.5) -> tuple[Any, Any]:
    """Returns loss and report of some seeds, and their gradient, with so much weight on the saturation cost."""
    models = jax.vmap(lambda key: initial_model(key, config.model))(jax.random.split(jax.random.key(1), seeds))
    weights = Weights(*(jnp.full(seeds, value) for value in (0.001, 0.0005, saturation, config.model.noise)))

    def of_seed(model: Any, examples: Examples, weights: Weights) -> Any:
        return jax.value_and_grad(objective, has_aux=True)(model, examples, weights, config)

    inputs = examples(np.random.default_rng(0), seeds, min(2, config.model.height))
    with jax.default_matmul_precision("highest"):
        return jax.jit(jax.vmap(of_seed))(models, inputs, weights)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in IN_THE_GATE else pytest.mark.slow) for name in MODELS]
)
def test_fused_kernels_have_the_unrolled_models_gradient(name: str) -> None:
    compare_gradients(MODELS[name])


@pytest.mark.gpu
@pytest.mark.parametrize("channels", [24, 48, 128])
@pytest.mark.parametrize("name", ["classic", "diagonal"])
def test_fused_kernels_have_the_unrolled_models_gradient_on_a_gpu(name: str, channels: int) -> None:
    assert not tile.interpreted()
    compare_gradients({**MODELS[name], "channels": channels})


def compare_gradients(model: dict[str, Any]) -> None:
    """Holds loss, saturation cost and gradient of the kernels against those of the unrolled model."""
    (loss, report), gradient = gradients(run_config("off", **model))
    (fused_loss, fused_report), fused_gradient = gradients(run_config("on", **model))
    np.testing.assert_allclose(fused_loss, loss, rtol=2e-5)
    np.testing.assert_allclose(fused_report.saturation, report.saturation, rtol=2e-5)
    for expected, found in zip(jax.tree.leaves(gradient), jax.tree.leaves(fused_gradient), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * max(1e-3, float(np.abs(expected).max())))


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["cgru", "diagonal"])
def test_half_precision_is_no_further_from_single_than_the_unrolled_models(cell: str) -> None:
    """With the weight of the saturation cost that training begins with: its slope jumps at the limit, and a gate within
    the rounding of half precision of it may be taken for one on the other side."""
    weight = OptimiserConfig().saturation_weight
    _, exact = gradients(run_config("off", cell=cell), saturation=weight)
    distances: dict[str, float] = {}
    for fused in ("off", "on"):
        _, found = gradients(run_config(fused, cell=cell, compute="bfloat16"), saturation=weight)
        parts = zip(jax.tree.leaves(exact), jax.tree.leaves(found), strict=True)
        distances[fused] = sum(float(np.sum((np.asarray(x, float) - y) ** 2)) for x, y in parts) ** 0.5
    assert distances["on"] < 1.2 * distances["off"]


@pytest.mark.slow
def test_windows_of_many_tiles_are_convolved_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    (loss, _), gradient = gradients(run_config("off"))
    monkeypatch.setattr(shape, "MOST_IN", 16)
    assert len(shape.Shape.of(run_config("on").model, BATCH, BUCKET, 4).window_tiles(5)) == 3
    (fused_loss, _), fused_gradient = gradients(run_config("on"))
    np.testing.assert_allclose(fused_loss, loss, rtol=2e-5)
    for expected, found in zip(jax.tree.leaves(gradient), jax.tree.leaves(fused_gradient), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * max(1e-3, float(np.abs(expected).max())))


def test_seeds_beyond_what_the_kernels_count_run_unrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    few, many = (RunConfig(task="badd", seeds=tuple(range(count))) for count in (101, 102))
    assert (is_fused(few, 41), is_fused(many, 41)) == (True, False)
    assert is_fused(replace(many, group=15), 41)
    assert not is_fused(replace(few, memory="sqrt"), 41)
    with pytest.raises(UserError, match="set a smaller group"):
        is_fused(replace(many, fused="on"), 41)


def test_kernels_are_made_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CPU can see of it: they are lowered to Triton's dialect, for seeds under `vmap` as one launch each."""
    monkeypatch.setattr(tile, "interpreted", lambda: False)
    for module in (forward, backward, kernel_slope, units):
        monkeypatch.setattr(module, "interpreted", lambda: False)
    config = run_config("on", channels=24, compute="bfloat16")
    models = jax.vmap(lambda key: initial_model(key, config.model))(jax.random.split(jax.random.key(1), 2))
    weights = Weights(*[jnp.zeros(2)] * len(Weights._fields))
    inputs = examples(np.random.default_rng(0), 2, 2)
    of_seed = jax.grad(lambda model, examples, weights: objective(model, examples, weights, config)[0])
    lowered = jax.jit(jax.vmap(of_seed)).trace(models, inputs, weights).lower(lowering_platforms=("cuda",))
    calls = re.findall(r"custom_call @__gpu\$xla.gpu.triton.*?grid_x = (\d+) : i32, grid_y = (\d+)", lowered.as_text())
    assert calls[:2] == [(str(BATCH), "2")] * 2
    assert len(calls) == 4


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
        {"movement_limit": 0.25},
        {"rounding": 4, "rounded": "always"},
    ],
)
def test_models_that_the_kernels_do_not_know_are_named(model: dict[str, Any]) -> None:
    assert ModelConfig(**model).not_fusible in model
    assert ModelConfig().not_fusible is None
    with pytest.raises(UserError, match="leave fused at 'auto'"):
        run_config("on", **model)

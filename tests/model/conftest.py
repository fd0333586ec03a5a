"""Small models, and inputs for them."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU, Output, Training

CONFIGS = {
    "cgru": ModelConfig(channels=6, height=2, layers=2, copies=3, dropout=0.3, noise=0.1),
    "diagonal": ModelConfig(
        cell="diagonal", channels=6, height=1, layers=1, copies=1, dropout=0.3, noise=0.1, stop="bucket"
    ),
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
BUCKET, USED = 8, 5
quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""


def drawn(config: ModelConfig) -> NeuralGPU:
    """Returns a model with weights drawn by NumPy: compiling the drawing in JAX would take longer than all the rest."""
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: initial_model(jax.random.key(0), config))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(-0.6, 0.6, leaf.shape), jnp.float32), shapes)


@pytest.fixture(scope="module")
def models() -> dict[ModelConfig, NeuralGPU]:
    return {config: drawn(config) for config in CONFIGS.values()}


def inputs(rows: int, bucket: int = BUCKET) -> tuple[np.ndarray, np.ndarray]:
    """Returns a grid with `USED` used positions, and its mask."""
    grid = np.zeros((bucket, rows), np.int32)
    grid[:USED] = np.random.default_rng(2).integers(1, 12, (USED, rows))
    return grid, np.arange(bucket) < USED


def training(seed: int, dropout: float = 0.0, noise: float = 0.0) -> Training:
    return Training(np.array(seed, np.uint32), np.array(dropout, np.float32), np.array(noise, np.float32))


@quickly_compiled
def run(model: NeuralGPU, grid: Any, mask: Any, given: Training | None = None) -> Output:
    return model(grid, mask, given)

"""Two tiny models with random weights as a run directory holds them."""

from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from neuralgpu.checkpoint import Checkpoint, save
from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.named_arrays import named_arrays
from neuralgpu.run_directory import RunDirectory, create_run
from neuralgpu.settings import run_config
from neuralgpu.tasks import find_task


def tiny_run(
    path: Path, task: str = "badd", seeds: tuple[int, ...] = (3, 9), tasks: tuple[str, ...] = (), **model: object
) -> RunDirectory:
    settings = {"channels": 5, "layers": 1, "copies": 2, "height": 2, "vocabulary": 36, **model}
    config = run_config(
        {"task": task, "seeds": seeds, "model": settings, "curriculum": {"kind": "buckets", "tasks": tasks}}
    )
    run = create_run(path, config, force=False)

    def template(seed: jax.Array) -> NeuralGPU:
        return initial_model(jax.random.key(seed), config.model)

    shapes = eqx.filter_eval_shape(jax.vmap(template), np.asarray(config.seeds, np.uint32))
    rng = np.random.default_rng(1)
    weights = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype), shapes)
    arrays = {f".model{name}": array for name, array in named_arrays(weights).items()}
    save(run.checkpoints, Checkpoint(20, arrays, {}))
    return run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run of two seeds; not to be changed."""
    return tiny_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def models(run: RunDirectory) -> TrainedModels:
    """Its models, compiled once for a batch size and length."""
    return load_models(run)


@pytest.fixture
def grids() -> np.ndarray:
    """Eleven inputs of length 9."""
    return find_task("badd").sample(np.random.default_rng(5), 9, 11).grid

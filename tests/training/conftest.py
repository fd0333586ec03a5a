"""Small training runs, whose compiled steps the tests share: compiling takes nearly all of their time."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.model.config import ModelConfig
from neuralgpu.training import loop
from neuralgpu.training.compilation import Compiler
from neuralgpu.training.step import Learner, Step, compiled_step, learner_shapes

CONFIGS = {
    "cgru": RunConfig(
        task="badd",
        seeds=(0, 1),
        steps=6,
        batch=4,
        epoch=2,
        model=ModelConfig(channels=6, height=1, layers=1, copies=2, noise=0.05, global_operation="shift"),
        # Every epoch moves on, whatever the error: 4, 5, 7.
        curriculum=CurriculumConfig(
            max_length=9, min_length=3, start_length=4, advance_below=1.0, any_length=0.0, buckets=(4, 10)
        ),
        optimiser=OptimiserConfig(learning_rate=0.01, gradient_noise=0.001),
    ),
    "diagonal": RunConfig(
        task="badd",
        seeds=(0, 1),
        steps=6,
        batch=4,
        epoch=2,
        model=ModelConfig(
            cell="diagonal", channels=6, height=1, layers=1, copies=1, dropout=0.2, noise=0.1, stop="bucket"
        ),
        # The second bucket opens after the first epoch.
        curriculum=CurriculumConfig(
            kind="buckets",
            max_length=9,
            min_length=3,
            start_length=4,
            advance_below=1.0,
            buckets=(4, 6),
            shorter_share=0.5,
        ),
        optimiser=OptimiserConfig(
            name="adamax",
            schedule="falling",
            learning_rate=0.002,
            fall_steps=3,
            loss_over="bucket",
            gradient_noise=1e-4,
            gradient_noise_form="rate",
        ),
    ),
}


@contextmanager
def quick_compilation() -> Iterator[None]:
    """Lets what is made inside be compiled without optimisation, in a third of the time; the program is the same."""
    quick = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "jit", quick)
        yield


class CountingCompiler(Compiler):
    """Counts how often each program is made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: Counter[Any] = Counter()

    def ahead(self, key: Hashable, make: Callable[[], Any]) -> None:
        super().ahead(key, self._counted(key, make))

    def program(self, key: Hashable, make: Callable[[], Any]) -> Any:
        return super().program(key, self._counted(key, make))

    def _counted(self, key: Hashable, make: Callable[[], Any]) -> Callable[[], Any]:
        def counted() -> Any:
            self.made[key] += 1
            return make()

        return counted


@dataclass
class Workshop:
    """Compiled steps, made once for all tests."""

    steps: dict[Any, Step] = field(default_factory=dict)
    compiler: CountingCompiler = field(default_factory=CountingCompiler)

    def step(self, config: RunConfig, devices: int = 2) -> Step:
        """Returns the step of these settings; it depends on the number of seeds, not on which they are."""
        key = (replace(config, seeds=tuple(range(len(config.seeds)))), devices)
        if key not in self.steps:
            with quick_compilation():
                self.steps[key] = compiled_step(config, jax.devices("cpu")[:devices])
        return self.steps[key]


def numpy_learner(config: RunConfig) -> Learner:
    """Returns weights that NumPy draws from each seed's number: compiling the real drawing takes seconds."""
    shapes = learner_shapes(config, len(config.seeds))

    def filled(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        drawn = [
            np.random.default_rng([seed, *leaf.shape[1:]]).uniform(-0.6, 0.6, leaf.shape[1:]) for seed in config.seeds
        ]
        return np.stack(drawn).astype(leaf.dtype)

    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes.moments)
    return Learner(jax.tree.map(filled, shapes.model), zeros)


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    assert len(jax.devices("cpu")) >= 2, "these tests split work over two devices"
    return Workshop()


@pytest.fixture(params=CONFIGS.values(), ids=list(CONFIGS), scope="session")
def config(request: pytest.FixtureRequest) -> RunConfig:
    """The settings of each cell in turn."""
    return request.param


@pytest.fixture(scope="session")
def cgru_config() -> RunConfig:
    return CONFIGS["cgru"]


@pytest.fixture(scope="session")
def diagonal_config() -> RunConfig:
    return CONFIGS["diagonal"]


@pytest.fixture(scope="session")
def learner_for() -> Callable[[RunConfig], Learner]:
    return numpy_learner


@pytest.fixture
def quickly_compiled() -> Iterator[None]:
    with quick_compilation():
        yield


@pytest.fixture
def shared_steps(
    monkeypatch: pytest.MonkeyPatch,
    quickly_compiled: None,
    workshop: Workshop,
    learner_for: Callable[[RunConfig], Learner],
) -> None:
    """Lets every run use the steps that are compiled already."""
    monkeypatch.setattr(loop, "Compiler", lambda: workshop.compiler)
    monkeypatch.setattr(loop, "initial_learner", learner_for)

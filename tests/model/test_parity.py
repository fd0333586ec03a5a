"""The published program's numbers: its weights and batches, loaded into our program, give what it computed.

Each fixture holds what the untouched program (TensorFlow 0.12) made of given weights: one evaluation and some training
steps with dropout off. Here the model evaluates them, and the step that training compiles makes the steps. Whatever
fixture lies in the folder is tested, of any shape.
"""

import itertools
import json
import os
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.model.batch_norm import EXAMPLE_AXIS
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.trainable import trained
from neuralgpu.named_arrays import with_arrays
from neuralgpu.training.objective import Examples, Weights, active_positions
from neuralgpu.training.optimiser import optimiser
from neuralgpu.training.step import Learner, compiled_step

OTHER_FOLDER = os.environ.get("NEURALGPU_PARITY_DIR")
FOLDER = Path(OTHER_FOLDER or Path(__file__).parents[1] / "data")
GATED = {"classic", "no_cutoff", "tanh_cutoff", "one_copy"}
"""The variants whose cell is a CGRU, without batch normalisation."""
AMPLIFYING = {"residual", "batch_norm"}
"""The variants in which rounding errors grow from step to step, until a unit falls on the other side of its cutoff."""


@dataclass(frozen=True)
class Tolerance:
    """How far ours may be from the published numbers."""

    probability: float
    """Absolute."""
    loss: float
    """Relative."""
    gradient_norm: float
    """Relative."""
    parameter: float
    """Absolute, after all training steps."""


@dataclass(frozen=True)
class Fixture:
    """One variant of the published program."""

    values: dict[str, np.ndarray]

    @cached_property
    def settings(self) -> dict[str, Any]:
        return json.loads(str(self.values["config"]))

    @property
    def tolerance(self) -> Tolerance:
        variant = self.settings["variant"]
        assert variant in GATED | AMPLIFYING, f"no setting of the model is known to be the variant {variant!r}"
        if variant in AMPLIFYING:
            return Tolerance(1e-3, 1e-3, 1e-2, 1e-3)
        return Tolerance(1e-5, 1e-3, 1e-3, 1e-3) if OTHER_FOLDER else Tolerance(1e-5, 1e-5, 1e-5, 1e-5)

    @cached_property
    def config(self) -> RunConfig:
        given = self.settings
        width, rows = given["kernel"]
        assert width == rows, "our kernels are square"
        assert given["dropout"] == 0, "masks of dropout cannot be the same"
        return RunConfig(
            task="badd",
            batch=self.values["train/target"].shape[1],
            model=ModelConfig(
                cell="residual" if given["variant"] == "residual" else "cgru",
                channels=given["channels"],
                height=given["height"],
                layers=given["layers"],
                copies=given["relaxed_copies"],
                kernel=width,
                vocabulary=len(self.values["before/embedding"]),
                sigmoid_cutoff=given["sigmoid_cutoff"],
                tanh_cutoff=given["tanh_cutoff"],
                batch_norm=self._batch_norm,
                dropout=0.0,
            ),
            optimiser=OptimiserConfig(
                learning_rate=given["learning_rate"],
                epsilon=given["adam_epsilon"],
                max_grad_norm=given["max_grad_norm"],
                pull=given["pull"],
                embedding_gradient="slices",
            ),
        )

    @property
    def _batch_norm(self) -> Any:
        if self.settings["variant"] != "batch_norm":
            return "off"
        return "masked" if self.settings["masked_statistics"] else "everywhere"

    def model(self, moment: str) -> NeuralGPU:
        """Loads the weights 'before' or 'after' the training steps."""
        config = self.config.model

        def stacked(*names: str) -> np.ndarray:
            copies = (f"{moment}/relaxed{copy}" for copy in range(config.copies))
            return np.stack([np.concatenate([self.values[f"{copy}/{name}"] for name in names], -1) for copy in copies])

        arrays = {
            ".embedding": self.values[f"{moment}/embedding"],
            ".readout": self.values[f"{moment}/output/kernel"][0, 0],
            ".readout_bias": self.values[f"{moment}/output/bias"],
        }
        for layer, part in itertools.product(range(config.layers), ("kernel", "bias")):
            source, ours = f"layer{layer}", f".cells[{layer}]"
            if config.cell == "residual":
                arrays[f"{ours}.convolution.{part}"] = stacked(f"{source}/{part}")
            else:
                arrays[f"{ours}.gates.{part}"] = stacked(f"{source}/reset/{part}", f"{source}/gate/{part}")
                arrays[f"{ours}.candidate.{part}"] = stacked(f"{source}/candidate/{part}")
        if config.batch_norm != "off":
            names = {
                "scale": "gamma",
                "offset": "beta",
                "running.mean": "moving_mean",
                "running.variance": "moving_var",
            }
            arrays |= {f".batch_norm.{ours}": stacked(f"bn/{source}") for ours, source in names.items()}
        return with_arrays(jax.eval_shape(lambda: initial_model(jax.random.key(0), config)), arrays)

    def inputs(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the grids and targets of 'eval' or 'train'."""
        return self.values[f"{part}/grid"].astype(np.int32), self.values[f"{part}/target"].astype(np.int32)

    def examples(self, step: int) -> Examples:
        """Returns a training step's bucket, for the one seed that there is."""
        grids, targets = self.inputs("train")
        count, bucket = targets.shape[1:]
        one = np.ones(1, np.float32)
        return Examples(
            grid=grids[step : step + 1],
            target=targets[step : step + 1],
            seed=np.zeros((1, count), np.uint32),
            bucket=bucket * one,
            steps=np.full(1, self.config.model.steps_of(bucket, bucket), np.int32),
            used=one,
            task=np.zeros(1, np.int32),
        )

    def weights(self) -> Weights:
        given = self.config.optimiser
        numbers = (given.learning_rate, given.pull, 0.0, 0.0)
        return Weights(*(np.full(1, number, np.float32) for number in numbers))


FIXTURES = {path.stem: Fixture(dict(np.load(path))) for path in sorted(FOLDER.glob("*.npz"))}
if not FIXTURES:
    raise FileNotFoundError(f"{FOLDER} holds no .npz: without one, nothing would be tested")
each_fixture = pytest.mark.parametrize("fixture", FIXTURES.values(), ids=FIXTURES.keys())

quickly_compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compiling takes nearly all of the time of these tests; the program is the same."""


@pytest.mark.skipif(OTHER_FOLDER is not None, reason="another folder may hold any of them")
def test_every_published_variant_is_there() -> None:
    assert {fixture.settings["variant"] for fixture in FIXTURES.values()} == GATED | AMPLIFYING


@each_fixture
def test_evaluation_gives_the_published_probabilities_and_loss(fixture: Fixture) -> None:
    tolerance = fixture.tolerance
    grid, target = fixture.inputs("eval")
    mask = np.asarray(active_positions(grid, target))

    @quickly_compiled
    def logits(model: NeuralGPU) -> jax.Array:
        run = jax.vmap(lambda *one: model(*one, axes=(EXAMPLE_AXIS,)).logits, axis_name=EXAMPLE_AXIS)
        return run(grid, mask)

    log_probabilities = np.asarray(jax.nn.log_softmax(logits(fixture.model("before"))))
    assert np.abs(np.exp(log_probabilities) - fixture.values["eval/probabilities"]).max() < tolerance.probability
    cross_entropy = -np.take_along_axis(log_probabilities, target[..., None], axis=-1)[..., 0]
    assert np.mean(mask * cross_entropy) == pytest.approx(float(fixture.values["eval/loss"]), rel=tolerance.loss)


@each_fixture
def test_training_gives_the_published_losses_norms_and_parameters(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amplifying variants take double precision here, which leaves the published program's rounding errors alone."""
    tolerance, config = fixture.tolerance, fixture.config
    double = fixture.settings["variant"] in AMPLIFYING
    if not double:  # unoptimised, convolutions in double precision take longer than compiling them
        monkeypatch.setattr(jax, "jit", quickly_compiled)
    before, losses, norms = fixture.model("before"), [], []
    with jax.enable_x64(double):
        model = jax.tree.map(lambda leaf: jnp.asarray(leaf, float)[None], before)
        learner = Learner(model, jax.vmap(optimiser(config.optimiser).init)(trained(model)))
        step = compiled_step(config, jax.devices()[:1])
        for number in range(len(fixture.values["train/loss"])):
            learner, (report,) = step(learner, (fixture.examples(number),), fixture.weights())
            losses.append(report.loss.item())
            norms.append(np.asarray(report.gradient_norm).item())
    assert losses == pytest.approx(fixture.values["train/loss"].tolist(), rel=tolerance.loss)
    assert norms == pytest.approx(fixture.values["train/grad_norm"].tolist(), rel=tolerance.gradient_norm)
    ours, theirs = (
        # Row 0 is no parameter: the published program sets it to zero before it is looked up.
        eqx.tree_at(lambda model: model.embedding, model, model.embedding[1:])
        for model in (jax.tree.map(lambda leaf: np.asarray(leaf)[0], learner.model), fixture.model("after"))
    )
    differences = jax.tree.map(lambda one, other: float(np.abs(one - other).max()), ours, theirs)
    named = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(differences)}
    assert {name: difference for name, difference in named.items() if difference > tolerance.parameter} == {}

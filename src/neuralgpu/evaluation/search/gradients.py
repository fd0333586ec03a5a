"""The gradients of a run's models with respect to their embedded inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from neuralgpu.evaluation.models import TrainedModels
from neuralgpu.evaluation.search.substitution import FirstOrder
from neuralgpu.model.batch_norm import EXAMPLE_AXIS
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.seeds import over_seeds
from neuralgpu.tasks import Task

_LEAST = 1e-30
"""Added to a mean probability whose logarithm is taken."""


@dataclass(frozen=True)
class ModelFirstOrder:
    """The losses of all who answer, and their gradients, at one input."""

    task: Task
    grid: Int[np.ndarray, "length rows"]
    losses: tuple[float, ...]
    """Cross-entropy, nats, summed over the positions that are asked for."""
    gradients: Float[np.ndarray, "answering seed length rows channel"]
    """With respect to what the seeds make of the symbols; where each seed answers by itself, `seed` is 1."""
    embeddings: Float[np.ndarray, "answering seed symbol channel"]
    """With nothing for symbol 0."""

    def rises(self, other: str) -> list[float]:
        """Returns the gradients times the differences of the embeddings, added up over the places that differ."""
        grid = self.task.encode(other)
        columns, rows = np.nonzero(grid != self.grid)
        difference = self.embeddings[:, :, grid[columns, rows]] - self.embeddings[:, :, self.grid[columns, rows]]
        return np.einsum("aspc,aspc->a", self.gradients[:, :, columns, rows], difference).tolist()


@dataclass(frozen=True)
class ModelGradients:
    """Differentiates the models of a run: every seed's loss, or that of their average.

    A seed that diverged has no finite gradient; it counts as none.
    """

    models: TrainedModels

    def first_order(self, texts: Sequence[str]) -> list[FirstOrder]:
        """Returns losses and gradients at inputs of one length; a program is compiled for every length and number.

        Raises:
            UserError: a text is no input of the task.
            ValueError: the lengths differ.
        """
        task = self.models.task
        grids = np.stack([task.encode(text) for text in texts])
        targets = np.zeros(grids.shape[:2], np.int32)
        for target, text in zip(targets, texts, strict=True):
            symbols = task.encode_output(task.solve(text), len(target))
            target[: len(symbols)] = symbols
        losses, gradients = map(np.nan_to_num, self._compiled(self.models.model, grids, targets))
        gradients = gradients.reshape(*gradients.shape[:2], *grids.shape[1:], -1)
        embeddings = np.array(self.models.model.embedding)
        embeddings[:, 0] = 0
        # Who answers along the first axis, whose weights answer along the second.
        axes = (None, slice(None)) if self.models.average else (slice(None), None)
        return [
            ModelFirstOrder(task, grid, tuple(losses[:, index].tolist()), gradients[:, index][axes], embeddings[axes])
            for index, grid in enumerate(grids)
        ]

    @cached_property
    def _compiled(self) -> Callable[[NeuralGPU, np.ndarray, np.ndarray], tuple[Array, Array]]:
        number = jnp.int32(self.models.task_number)

        def probabilities(model: NeuralGPU, table: Array, target: Array, places: Array) -> Array:
            """Returns the logarithms of the target's probabilities, with a row of the embedding for every place."""
            mask = jnp.ones(len(places), bool)
            own = eqx.tree_at(lambda model: model.embedding, model, table)
            logits = own(places, mask, task=number, axes=(EXAMPLE_AXIS,)).logits
            return jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], axis=-1)[:, 0]

        def losses(tables: Array, models: NeuralGPU, targets: Array, places: Array) -> tuple[Array, Array]:
            of_examples = jax.vmap(probabilities, in_axes=(None, 0, 0, None), axis_name=EXAMPLE_AXIS)
            each = over_seeds(lambda model, table: of_examples(model, table, targets, places))(models, tables)
            if self.models.average:
                each = jnp.log(jnp.nan_to_num(jnp.exp(each)).mean(axis=0, keepdims=True) + _LEAST)
            found = -jnp.sum(each * (targets != 0), axis=-1)
            return jnp.sum(found), found

        @jax.jit
        def differentiated(models: NeuralGPU, grids: Array, targets: Array) -> tuple[Array, Array]:
            count, length, rows = grids.shape
            symbols = models.embedding.at[:, 0].set(0)[:, grids.reshape(count, -1)]
            # Every place is a symbol of its own, behind padding: the table's gradient is that of the places.
            tables = jnp.pad(symbols, ((0, 0), (0, 0), (1, 0), (0, 0)))
            places = jnp.arange(1, length * rows + 1).reshape(length, rows)
            (_, found), gradients = jax.value_and_grad(losses, has_aux=True)(tables, models, targets, places)
            return found, gradients[:, :, 1:]

        return differentiated

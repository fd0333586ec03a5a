"""Asks all the seeds of an ensemble at once, in programs that one length serves for all shorter ones."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.seeds import over_seeds

_SIZES = {103: 64, 403: 32, 1003: 16, 2003: 16, 4003: 8, 20_005: 2}
"""Inputs at once, for inputs up to a length."""
_SEEDS = 20
"""Seeds at once."""


class Scorer:
    """The compiled programs of one kind of model."""

    def __init__(self, models: Any, rows: int, executor: Executor) -> None:
        """Takes the shapes of the models, the rows of the grids and what compiles beside the training."""
        self._models, self._rows, self._executor = models, rows, executor
        self._seeds = min(_SEEDS, len(models.embedding))
        self._programs: dict[int, Future[Any]] = {}

    def compile_ahead(self, length: int) -> None:
        """Lets the program be compiled that inputs of a length need."""
        padded = self._padded(length)
        if padded not in self._programs:
            self._programs[padded] = self._executor.submit(self._compiled, padded)

    def wrong(self, models: Any, which: list[int], grids: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns [seed, input]: which of the inputs, all of one length, the chosen seeds answer wrongly."""
        return np.concatenate(list(self._chunks(models, which, grids, targets)), axis=1)

    def _chunks(self, models: Any, which: list[int], grids: np.ndarray, targets: np.ndarray) -> Iterator[np.ndarray]:
        count, length = targets.shape
        self.compile_ahead(length)
        padded = self._padded(length)
        program, size = self._programs[padded].result(), _SIZES[padded]
        for first in range(0, count, size):
            taken = slice(first, first + size)
            behind = (0, size - len(targets[taken])), (0, padded - length)
            grid = np.pad(grids[taken].astype(np.int32), (*behind, (0, 0)))
            target = np.pad(targets[taken].astype(np.int32), behind)
            mask = np.zeros(target.shape, bool)
            mask[: len(targets[taken]), :length] = True
            found = []
            for start in range(0, len(which), self._seeds):
                chosen = which[start : start + self._seeds]
                places = np.array([*chosen, *chosen[:1] * (self._seeds - len(chosen))], np.int32)
                found.append(program(models, places, grid, mask, target, np.int32(length))[: len(chosen)])
            yield np.concatenate([np.asarray(part) for part in found])[:, : len(targets[taken])]

    def _padded(self, length: int) -> int:
        return next(padded for padded in _SIZES if padded >= length)

    def _compiled(self, padded: int) -> Callable[..., Any]:
        def wrong(model: NeuralGPU, grid: Any, mask: Any, target: Any, steps: Any) -> Any:
            logits = model(grid, mask, steps=steps, until_settled=True).logits
            return jnp.any((jnp.argmax(logits, axis=-1) != target) & (target != 0))

        def of_all(models: Any, places: Any, grids: Any, masks: Any, targets: Any, steps: Any) -> Any:
            chosen = jax.tree.map(lambda leaf: leaf[places], models)
            of_inputs = jax.vmap(wrong, in_axes=(None, 0, 0, 0, None))
            return over_seeds(lambda model: of_inputs(model, grids, masks, targets, steps))(chosen)

        size = _SIZES[padded]

        def shape(dtype: Any, *axes: int) -> Any:
            return jax.ShapeDtypeStruct(axes, dtype)

        arguments = (
            shape(np.int32, self._seeds),
            shape(np.int32, size, padded, self._rows),
            shape(bool, size, padded),
            shape(np.int32, size, padded),
            shape(np.int32),
        )
        with jax.default_matmul_precision("highest"):
            return jax.jit(of_all).lower(self._models, *arguments).compile()

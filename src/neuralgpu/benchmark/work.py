"""What a training step has to compute, and how much of what it computes is padding."""

from collections import Counter
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from neuralgpu.config import RunConfig
from neuralgpu.cost import operations
from neuralgpu.model.config import ModelConfig
from neuralgpu.training.objective import Examples, active_positions

_PASSES = 3
"""The forward pass, and twice as much for the gradients of states and weights."""


class Work(NamedTuple):
    """A training step's work, of all its seeds and inputs."""

    operations: float
    """Useful floating-point operations: three times those of a forward pass over the inputs without their padding.
    What is computed again in the backward pass, or multiplied by zeros, does not count."""
    cells: int
    """Cells of a forward pass: a cell is one position of an input, times one row of the state, times one step."""
    padding: float
    """Share of the computed cells that are none of these: positions behind an input, and steps after its last one."""


def work(config: RunConfig, examples: Examples) -> Work:
    """Counts the work of a training step on one bucket of inputs, with the seeds along the leading axis."""
    model, (seeds, batch, bucket) = config.model, examples.target.shape
    lengths = real_lengths(examples)
    counted = Counter(lengths.flatten().tolist())
    useful = sum(count * operations(model, length) for length, count in counted.items())
    cells = sum(count * length * steps_needed(model, length, bucket) for length, count in counted.items())
    computed = seeds * batch * bucket * steps_run(model, max(counted), bucket)
    return Work(_PASSES * useful, cells * model.height, 1 - cells / computed)


def real_lengths(examples: Examples) -> Int[np.ndarray, "seeds batch"]:
    """Returns the number of positions of each input at which it or its target has a symbol."""
    return np.asarray(jax.vmap(active_positions)(examples.grid, examples.target)).sum(axis=-1)


def steps_needed(model: ModelConfig, length: int, bucket: int) -> int:
    """Returns the number of steps that change the state of an input of this length."""
    whole = model.rounds(model.steps(bucket)) * model.copies
    if model.stop == "bucket" or model.output == "sum":
        return whole
    return min(model.steps(length) + 1, whole)


def steps_run(model: ModelConfig, longest: int, bucket: int) -> int:
    """Returns the number of steps that are run for a batch with this longest input: whole rounds of the copies."""
    if model.batch_norm != "off":
        return model.rounds(model.steps(bucket)) * model.copies
    return model.rounds(steps_needed(model, longest, bucket)) * model.copies

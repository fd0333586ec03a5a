"""What a training step has to compute, and how much of what it computes is padding."""

from collections.abc import Sequence
from typing import NamedTuple

from neuralgpu.config import RunConfig
from neuralgpu.cost import operations
from neuralgpu.curriculum import Draw
from neuralgpu.training.padding import padded_length, padding

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


def work(config: RunConfig, draws: Sequence[Draw]) -> Work:
    """Counts the work of a training step on one bucket of inputs, given what each seed has drawn."""
    model = config.model
    lengths = [entry for of_seed in draws for entry in of_seed.lengths.items()]
    useful = sum(count * operations(model, length) for length, count in lengths)
    total = padding(config, draws, padded_length(config, draws), len(draws))
    return Work(_PASSES * useful, total.needed * model.height, total.waste)

"""What lengths steps are compiled for, and what of the computing is padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import jax

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import Draw

_SHORTEST = 8
_LONGER_BY = 1.15
"""Ratio of a compiled length to the one below it, from where whole numbers allow it."""


@dataclass(frozen=True)
class Padding:
    """Cells computed in the forward steps, a cell being one position of one example in one step."""

    computed: int = 0
    needed: int = 0
    """Of these the ones that are inside of the input and not after its last step."""

    def __add__(self, other: "Padding") -> "Padding":
        """Adds up what two steps computed."""
        return Padding(self.computed + other.computed, self.needed + other.needed)

    @property
    def waste(self) -> float:
        """Share of the computed cells that nothing depends on."""
        return 1 - self.needed / self.computed if self.computed else 0.0


def padded_length(config: RunConfig, draws: Sequence[Draw | None]) -> int:
    """Returns the length that a bucket of the given seeds (None for one that does not use it) is padded to.

    For a model whose answer depends on the padding it is the longest of the seeds' own buckets. For others, which take
    from their own bucket no more than the published scales of loss and dropout, it is a closer one.
    """
    used = [of_seed for of_seed in draws if of_seed is not None]
    if config.model.depends_on_padding:
        return max(of_seed.bucket for of_seed in used)
    longest = max(of_seed.longest for of_seed in used)
    return next(length for length in compiled_lengths(config.curriculum.max_length) if length >= longest)


def longest_padded(config: RunConfig) -> int:
    """Returns the length that the longest inputs of a run are padded to."""
    curriculum = config.curriculum
    return curriculum.training_buckets[-1] if config.model.depends_on_padding else curriculum.max_length


@lru_cache
def compiled_lengths(longest: int) -> tuple[int, ...]:
    """Returns the padded lengths up to one that a model which does not depend on padding is compiled for.

    >>> compiled_lengths(20)
    (8, 9, 10, 11, 12, 13, 14, 16, 18, 20)
    """
    lengths = [min(_SHORTEST, longest)]
    while lengths[-1] < longest:
        lengths.append(min(max(lengths[-1] + 1, int(lengths[-1] * _LONGER_BY)), longest))
    return tuple(lengths)


def padding(config: RunConfig, draws: Sequence[Draw | None], padded: int, slots: int) -> Padding:
    """Counts what one bucket of a step computes and what of it is needed.

    On a CPU an empty slot computes nothing, and each seed's loop ends with its own inputs; elsewhere all the slots run
    as long as the longest input.

    Args:
        config: the settings.
        draws: one entry a seed; None where it does not use the bucket.
        padded: length that the bucket is padded to.
        slots: seeds that the device works on at once, empty ones included.
    """
    model = config.model
    used = [of_seed for of_seed in draws if of_seed is not None]

    def steps_run(of_seed: Draw) -> int:
        rounds = model.rounds(model.steps(padded) + 1)
        return model.copies * (min(rounds, model.rounds(model.steps_of(of_seed.longest, of_seed.bucket))))

    in_turn = [steps_run(of_seed) for of_seed in used]
    run = sum(in_turn) if jax.default_backend() == "cpu" else slots * max(in_turn)
    needed = sum(
        count * length * model.steps_of(length, of_seed.bucket)
        for of_seed in used
        for length, count in of_seed.lengths.items()
    )
    return Padding(config.batch * padded * run, needed)

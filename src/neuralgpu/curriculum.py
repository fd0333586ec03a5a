"""Which lengths are trained on when: frozen settings, a pure state, draw and update."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from neuralgpu.errors import UserError

ValidLength = Callable[[int], bool]


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """How lengths are chosen; the defaults are the published growth of the length."""

    kind: Literal["growth", "buckets"] = "growth"
    """'growth': one length a step, the longest of them growing (paper). 'buckets': a batch of every open bucket in
    every step (Freivalds & Liepins 2017, whose buckets are all open from the start)."""
    max_length: int = 41
    """No training input is longer, in symbols."""
    min_length: int = 5
    """growth: shortest length drawn."""
    start_length: int = 8
    """growth: longest length drawn at the start. buckets: the buckets up to this one are open at the start."""
    advance_below: float = 0.15
    """Move on to the next valid length, or open the next bucket, when sequence error over an epoch is not above this;
    for buckets it is the error of the longest open one."""
    prefer_longer: float = 0.6
    """growth: chance of taking the longer of two draws."""
    any_length: float = 0.25
    """growth: chance of taking a draw from all lengths up to max_length where that is longer."""
    buckets: tuple[int, ...] = (8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 64, 128)
    """Padded lengths that steps are compiled for, rising."""
    proving_bucket: int = 0
    """buckets: who has learned the algorithm and not its inputs by heart passes this bucket soon after it opens. A seed
    that does not starts over with new weights. Where it is not in use, or the last one, every seed goes on."""
    proving_epochs: int = 2
    """buckets: number of epochs that a seed has for the proving bucket."""
    shorter_share: float = 0.0
    """buckets: share of the inputs whose length is drawn evenly from all that fit; the others are the longest."""

    def __post_init__(self) -> None:
        if list(self.buckets) != sorted(set(self.buckets)) or not self.buckets or self.buckets[0] < 1:
            raise UserError(f"curriculum.buckets must be rising lengths, got {list(self.buckets)}.")
        if not 1 <= self.min_length <= self.start_length <= self.max_length:
            raise UserError(
                "curriculum lengths must satisfy min_length <= start_length <= max_length, "
                f"got {self.min_length}, {self.start_length}, {self.max_length}."
            )
        if self.kind == "growth" and self.max_length > self.buckets[-1]:
            raise UserError(
                f"curriculum.max_length {self.max_length} exceeds the largest bucket {self.buckets[-1]}; "
                "add a bucket with --set 'curriculum.buckets=[..., N]'."
            )
        for name in ("advance_below", "prefer_longer", "any_length", "shorter_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"curriculum.{name} must lie between 0 and 1, got {getattr(self, name)}.")

    @property
    def training_buckets(self) -> tuple[int, ...]:
        """The buckets up to the one that holds max_length."""
        return tuple(b for b, below in zip(self.buckets, (0, *self.buckets), strict=False) if below < self.max_length)

    def bucket_of(self, length: int) -> int:
        """Returns the smallest bucket that holds a length."""
        return next(bucket for bucket in self.buckets if bucket >= length)


@dataclass(frozen=True)
class CurriculumState:
    """Where one seed stands."""

    length: int
    """Longest length drawn on purpose, or the longest open bucket."""
    epochs: int = 0
    """Epochs since that length was reached."""


@dataclass(frozen=True)
class Draw:
    """What one bucket of one training step is filled with."""

    bucket: int
    lengths: dict[int, int]
    """Number of examples of each length."""

    @property
    def longest(self) -> int:
        """Longest length in the draw."""
        return max(self.lengths)


def initial_state(config: CurriculumConfig) -> CurriculumState:
    """Returns the state before the first step."""
    if config.kind == "growth":
        return CurriculumState(config.start_length)
    return CurriculumState(max((b for b in config.buckets if b <= config.start_length), default=config.buckets[0]))


def draw(
    config: CurriculumConfig, state: CurriculumState, valid: ValidLength, rng: np.random.Generator, batch: int
) -> list[Draw]:
    """Draws one training step's lengths.

    Seeds that are given generators in the same state draw coupled lengths: each has its own published distribution,
    yet they lie close together, so that an ensemble's padding stays small.
    """
    if config.kind == "growth":
        length = _grown_length(config, state.length, valid, rng)
        return [Draw(config.bucket_of(length), {length: batch})]
    return [
        _filled_bucket(config, bucket, valid, rng, batch)
        for bucket in config.training_buckets
        if bucket <= state.length
    ]


def update(
    config: CurriculumConfig, state: CurriculumState, valid: ValidLength, sequence_error: float
) -> CurriculumState:
    """Moves on to the next valid length or bucket when an epoch's sequence error allows it."""
    stayed = replace(state, epochs=state.epochs + 1)
    if sequence_error > config.advance_below:
        return stayed
    candidates = config.training_buckets if config.kind == "buckets" else filter(valid, range(1, config.max_length + 1))
    longer = next((length for length in candidates if length > state.length), None)
    return stayed if longer is None else CurriculumState(longer)


def starts_over(config: CurriculumConfig, state: CurriculumState) -> bool:
    """Says whether a seed has had its epochs for the proving bucket and did not pass it."""
    proving = config.kind == "buckets" and state.length == config.proving_bucket < config.training_buckets[-1]
    return proving and state.epochs >= config.proving_epochs


def longest(config: CurriculumConfig, valid: ValidLength) -> int:
    """Returns the length at which the curriculum is complete."""
    if config.kind == "buckets":
        return config.training_buckets[-1]
    return max(filter(valid, range(1, config.max_length + 1)), default=config.start_length)


def _grown_length(config: CurriculumConfig, current: int, valid: ValidLength, rng: np.random.Generator) -> int:
    for _ in range(1000):
        length, other = rng.integers(config.min_length, current, size=2, endpoint=True)
        anywhere = rng.integers(config.min_length, config.max_length, endpoint=True)
        longer_chance, any_chance = rng.random(2)
        if longer_chance < config.prefer_longer:
            length = max(length, other)
        if any_chance < config.any_length:
            length = max(length, anywhere)
        if valid(int(length)):
            return int(length)
    raise UserError(f"No valid length of the task lies between {config.min_length} and {config.max_length}.")


def _filled_bucket(
    config: CurriculumConfig, bucket: int, valid: ValidLength, rng: np.random.Generator, batch: int
) -> Draw:
    fitting = [length for length in range(1, min(bucket, config.max_length) + 1) if valid(length)]
    if not fitting:
        raise UserError(f"No valid length of the task fits the bucket {bucket}; remove it from curriculum.buckets.")
    drawn = np.full(batch, fitting[-1])
    shorter = rng.random(batch) < config.shorter_share
    drawn[shorter] = rng.choice(fitting, size=int(shorter.sum()))
    lengths, counts = np.unique(drawn, return_counts=True)
    return Draw(bucket, dict(zip(lengths.tolist(), counts.tolist(), strict=True)))

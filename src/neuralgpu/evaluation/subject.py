"""What is examined: anything that answers texts with texts, whoever made it."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from neuralgpu.evaluation.suites import Example
from neuralgpu.tasks import Task


@runtime_checkable
class Subject(Protocol):
    """One or more models that answer inputs of one task, each by itself."""

    @property
    def run(self) -> str:
        """What it is called: the run directory's name, or how it was asked for."""
        ...

    @property
    def task(self) -> Task:
        """What it is asked."""
        ...

    @property
    def step(self) -> int | None:
        """Training step of the checkpoint; None where it is no run of ours."""
        ...

    @property
    def answering(self) -> tuple[int | None, ...]:
        """Who gives answers: the numbers of seeds, or None for one that has no number."""
        ...

    @property
    def averaged(self) -> int | None:
        """Number of seeds whose predictions are averaged; None where each answers by itself."""
        ...

    def answers(self, texts: Sequence[str]) -> list[list[str]]:
        """Returns the answers of each that answers, as people write them, most significant digit first."""
        ...

    def symbols(self, examples: Sequence[Example], length: int) -> Iterator[Int[np.ndarray, "answering batch length"]]:
        """Yields the symbols of the answers to inputs of a nominal length, in batches; -1 is no symbol at all."""
        ...

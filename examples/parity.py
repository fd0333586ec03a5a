"""A task of one's own: neuralgpu --tasks-from examples/parity.py train parity."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from neuralgpu.tasks.sequences import Sequence
from neuralgpu.tasks.task import Task


@dataclass(frozen=True)
class Parity(Sequence):
    """At every place, whether the number of ones so far is odd."""

    operation: ClassVar[str] = "parity"

    @classmethod
    def members(cls) -> Iterator[Task]:
        """Yields the tasks that can be found by name: one, on zeros and ones."""
        yield cls(base=2, layout="padded")

    @property
    def name(self) -> str:
        """What TASK has to be on the command line."""
        return "parity"

    def transform(self, drawn: Int[np.ndarray, "batch length"]) -> Int[np.ndarray, "batch output"]:
        """Computes the outputs of drawn inputs, for training and tests."""
        return np.cumsum(drawn, axis=1, dtype=np.int32) % 2

    def answer(self, text: str) -> str:
        """Computes the output of a typed input, in another way: each holds the other to account."""
        return "".join(str(text[: place + 1].count("1") % 2) for place in range(len(text)))

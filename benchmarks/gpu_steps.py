"""Training steps of given sizes, timed, for the parts of `gpu.py`."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax

from neuralgpu.benchmark.measure import RepeatedStep
from neuralgpu.benchmark.sizes import Size

Row = dict[str, Any]
COMPUTES = ("bfloat16", "float32")


class Shapes:
    """The sizes of what is measured; `tiny` for a run that only shows that it works."""

    def __init__(self, tiny: bool) -> None:
        self.tiny = tiny
        self.at_once = 1 if tiny else 10
        """Steps begun before they are waited for."""

    def size(self, channels: int, seeds: int, **others: Any) -> Size:
        """Returns a size, shrunk where asked for."""
        size = Size(channels=channels, seeds=seeds, **others)
        if not self.tiny:
            return size
        settings = (*size.settings, "model.layers=1", "model.copies=1")
        return replace(size, channels=3, seeds=min(seeds, 2), length=5, bucket=None, batch=2, settings=settings)


def per_step(step: RepeatedStep, at_once: int, rounds: int = 5) -> tuple[float, float]:
    """Returns the median seconds of a step that is waited for, and of one of several begun one after the other."""
    step()
    waited = statistics.median([step() for _ in range(rounds)])
    rows: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(at_once):
            step.begin()
        jax.block_until_ready(step.learners)
        rows.append((time.perf_counter() - started) / at_once)
    return waited, statistics.median(rows)


def measured_step(size: Size, shapes: Shapes) -> tuple[float, Row]:
    """Returns a step's time, the lesser of both ways to take it, and what is to be kept."""
    step = RepeatedStep(size.config())
    first = step()
    waited, in_a_row = per_step(step, shapes.at_once)
    return min(waited, in_a_row), {
        "channels": size.channels,
        "seeds": size.seeds,
        "length": size.length,
        "compute": size.compute,
        "first s": first,
        "waited for ms": 1e3 * waited,
        "in a row ms": 1e3 * in_a_row,
        "useful GFLOP": step.work.operations / 1e9,
    }


def tried(found: Callable[[], Row], **label: Any) -> Row:
    """Returns a row, or one that says why there is none: the next one may work."""
    try:
        return {**label, **found()}
    except Exception as error:
        return {**label, "failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}

"""Live progress on a terminal, one plain line every few seconds elsewhere; always on standard error."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.table import Column

if TYPE_CHECKING:
    from neuralgpu.training.standing import Progress as TrainingProgress

_SECONDS_BETWEEN_LINES = 5.0
_ROOM_FOR_A_BAR = 110
"""Columns of a terminal on which the bar leaves room for the text."""


Display = Callable[[int, int, str], None]
"""Shows how much is done, of how much, and what there is to say of it."""


@contextmanager
def display(label: str, *, quiet: bool = False) -> Iterator[Display]:
    """Shows the progress of one job until the context ends; nothing if it is to be quiet."""
    if quiet:
        yield lambda done, total, text: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain(label)
        return
    bar: list[ProgressColumn] = [BarColumn(bar_width=16)] if console.width >= _ROOM_FOR_A_BAR else []
    # What does not fit is cut off at the end of the text: a line that wraps cannot be drawn over.
    text = TextColumn("{task.fields[text]}", table_column=Column(ratio=1, no_wrap=True), markup=False)
    columns = (SpinnerColumn("line"), TextColumn("{task.description}"), *bar, MofNCompleteColumn(), text)
    with Progress(*columns, console=console, refresh_per_second=4, expand=True) as bars:
        job = bars.add_task(label, total=None, text="")

        def show(done: int, total: int, text: str) -> None:
            bars.update(job, completed=done, total=total, text=text)

        yield show


def _plain(label: str) -> Display:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    last = [time.monotonic() - _SECONDS_BETWEEN_LINES]

    def show(done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now - last[0] >= _SECONDS_BETWEEN_LINES or done == total:
            last[0] = now
            console.print(f"{label} {done}/{total} {text}")

    return show


def training_line(progress: "TrainingProgress", *, timed: bool) -> str:
    """Says in a line how training stands; the median of the seeds that still learn.

    Args:
        progress: the state after a step.
        timed: whether the speed is known: the first step's time is that of compiling.
    """
    lengths = sorted(set(progress.lengths))
    length = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]}-{lengths[-1]}"
    parts = [f"≤{clock(progress.seconds_left)} left"] if timed else []
    if progress.task_count > 1:
        parts += [
            "/".join(dict.fromkeys(progress.tasks)),
            f"solved {median(progress.solved) / progress.task_count:.0%}",
        ]
    if progress.learning < len(progress.lengths):
        parts.append(f"{progress.learning} of {len(progress.lengths)} seeds")
    if progress.diverged:
        parts.append("diverged " + " ".join(f"{seed}@{step}" for seed, step in progress.diverged.items()))
    parts.append(f"length {length}")
    errors, losses = (list(filter(math.isfinite, of_seeds)) for of_seeds in (progress.sequence_errors, progress.losses))
    if losses:
        parts += [f"error {median(errors):.1%}", f"loss {median(losses):.4f}"]
    parts.append(f"padding {progress.padding_waste:.0%}")
    if timed:
        parts.append(f"{progress.steps_per_second:.1f}/s")
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """Writes a time as 1:02:03, or as 2:03 below an hour."""
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"

"""Live progress on a terminal, one plain line every few seconds elsewhere; always on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from neuralgpu.training.loop import Progress as TrainingProgress

_SECONDS_BETWEEN_LINES = 5.0


class Display(Protocol):
    """Takes one state of a job after the other."""

    def __call__(self, done: int, text: str) -> None:
        """Shows how much is done and what there is to say of it."""


@contextmanager
def display(label: str, total: int) -> Iterator[Display]:
    """Shows the progress of one job until the context ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain(label, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bars:
        job = bars.add_task(label, total=total, text="")

        def show(done: int, text: str) -> None:
            bars.update(job, completed=done, text=text)

        yield show


def _plain(label: str, total: int) -> Display:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    last = [time.monotonic() - _SECONDS_BETWEEN_LINES]

    def show(done: int, text: str) -> None:
        now = time.monotonic()
        if now - last[0] >= _SECONDS_BETWEEN_LINES or done == total:
            last[0] = now
            console.print(f"{label} {done}/{total} {text}")

    return show


def training_line(progress: "TrainingProgress") -> str:
    """Says in a line how training stands; the median where there are several seeds."""
    lengths = sorted(set(progress.lengths))
    length = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]}-{lengths[-1]}"
    left = int(progress.seconds_left)
    return (
        f"length {length}  loss {median(progress.losses):.4f}  error {median(progress.sequence_errors):6.1%}  "
        f"{progress.steps_per_second:.1f} steps/s  {left // 60}:{left % 60:02d} left"
    )

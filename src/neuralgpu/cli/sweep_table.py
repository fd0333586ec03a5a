"""How a sweep stands: a live table on a terminal, a line for every change elsewhere; always on standard error."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from neuralgpu.cli.progress import clock
from neuralgpu.cluster.packing import Job, Machine, core_hours
from neuralgpu.cluster.standing import JobStanding, Standing
from neuralgpu.model.memory import bytes_text

_SECONDS_BETWEEN_LINES = 30.0
_STATES = ("done", "training", "evaluating", "waiting", "failed", "stopped")
_SHOWN_FIRST = ("failed", "training", "evaluating", "stopped", "waiting", "done")

Show = Callable[[Standing, JobStanding | None], None]


@contextmanager
def sweep_display() -> Iterator[Show]:
    """Shows how a sweep stands until the context ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda standing, changed: live.update(standing_view(standing, max(3, console.height - 5)))


def standing_view(standing: Standing, most: int) -> RenderableType:
    """Returns the table of all jobs, those that matter most first where there are more than it may have lines."""
    jobs = list(standing.jobs.values())
    if len(jobs) > most:
        jobs = sorted(jobs, key=lambda job: _SHOWN_FIRST.index(job.state))[:most]
    table = Table(box=None, pad_edge=False)
    for column in ("Job", "State", "", "Machine", "Again"):
        table.add_column(column, justify="right" if column == "Again" else "left", no_wrap=True)
    for job in jobs:
        again = str(job.attempt - 1) if job.attempt > 1 else ""
        table.add_row(job.name, job.state, _where(job), job.host, again)
    left = len(standing.jobs) - len(jobs)
    more = [Text(f"and {left} more")] if left else []
    return Group(table, *more, Text(summary_line(standing)), *_notice(standing))


def summary_line(standing: Standing) -> str:
    """Says in a line how many jobs are in each state, and how long it will take."""
    count = standing.count()
    told = [f"{count[state]} {state}" for state in _STATES if count[state]]
    seconds = standing.seconds_left
    left = [f"about {clock(seconds)} left"] if seconds is not None and count["done"] < len(standing.jobs) else []
    return f"{len(standing.jobs)} jobs: {', '.join([*told, *left])}"


def plan_table(jobs: Sequence[Job]) -> Table:
    """Builds the table of what a sweep would do: a line for the jobs of each cell."""
    table = Table(box=None, pad_edge=False)
    for column in ("Jobs", "Seeds", "Steps", "Cores", "GPUs", "Memory", "Core hours"):
        table.add_column(column, justify="left" if column == "Jobs" else "right", no_wrap=column != "Jobs")
    for cell, group in groupby(jobs, lambda job: job.name.partition("/")[0]):
        of_cell = list(group)
        table.add_row(
            f"{len(of_cell)} x {cell}",
            "+".join(str(len(job.config.seeds)) for job in of_cell[:4]) + ("+..." if len(of_cell) > 4 else ""),
            f"{of_cell[0].config.steps:,}",
            str(of_cell[0].cpus),
            str(of_cell[0].gpus),
            bytes_text(of_cell[0].memory),
            "–" if of_cell[0].gpus else f"{core_hours(of_cell):.2g}",
        )
    return table


def plan_text(jobs: Sequence[Job], machines: Sequence[Machine]) -> str:
    """Says what a sweep would cost at most."""
    seeds, trained = sum(len(job.config.seeds) for job in jobs), f"{len(jobs)} jobs"
    cores, gpus = sum(machine.cpus for machine in machines), sum(machine.gpus for machine in machines)
    places = f"{len(machines)} machine{'s' * (len(machines) > 1)} with {cores} cores and {gpus} GPUs"
    head = f"{seeds} seeds in {trained} on {places}."
    if any(job.gpus for job in jobs):
        return f"{head} For the time on GPUs see benchmarks/grid_cost.py."
    hours = core_hours(jobs)
    return (
        f"{head} At most {hours:.3g} core hours, {hours / cores:.3g} hours on them all: a cautious estimate, with the "
        "longest inputs in every step; benchmarks/grid_cost.py takes measured times."
    )


def _plain() -> Show:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    last = [time.monotonic()]
    told = [""]

    def show(standing: Standing, changed: JobStanding | None) -> None:
        if changed is not None:
            again = f", attempt {changed.attempt}" if changed.attempt > 1 else ""
            on = f" on {changed.host}" if changed.host else ""
            console.print(f"{changed.name} {changed.state}{on}{again}{': ' * bool(changed.error)}{changed.error}")
        if standing.notice != told[0]:
            told[0] = standing.notice
            for text in _notice(standing):
                console.print(text.plain)
        if time.monotonic() > last[0] + _SECONDS_BETWEEN_LINES:
            last[0] = time.monotonic()
            console.print(summary_line(standing))

    return show


def _where(job: JobStanding) -> str:
    if job.error:
        return job.error
    return f"{job.step:,} of {job.steps:,}" if job.state in ("training", "evaluating") and job.steps else ""


def _notice(standing: Standing) -> list[Text]:
    return [Text(standing.notice)] if standing.notice else []

"""How `neuralgpu watch` shows a run: a table that is drawn over on a terminal, lines of text or of JSON elsewhere."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from neuralgpu.cli.progress import clock
from neuralgpu.log_follower import Lines
from neuralgpu.reporting.wording import percent, plural, rough_duration
from neuralgpu.run_history import RunHistory, SeedStanding
from neuralgpu.run_state import RunState, State

_LINES_AROUND = 8
"""Lines of a terminal that hold something else than seeds; four of them are for where the run is and how to go on."""

_MEANINGS = {
    "diverged": "has diverged: its loss was no longer finite",
    "solved": "has solved a task",
    "learned": "has learned its longest training inputs",
    "restart": "starts over with new weights",
}
"""What an event says of a seed beside its numbers."""

Show = Callable[[RunState, Lines], None]
"""Shows a state, given the events that led there from the one before."""


@contextmanager
def display(*, as_json: bool, once: bool) -> Iterator[Show]:
    """Shows states on standard output until the context ends."""
    console = Console(highlight=False)
    if as_json:
        yield _json()
    elif once:

        def print_all(state: RunState, lines: Lines) -> None:
            typer.echo(_headline(state))
            console.print(_picture(state, most_seeds=None))

        yield print_all
    elif not console.is_terminal:
        yield _plain()
    else:
        with Live(console=console, auto_refresh=False) as live:

            def show(state: RunState, lines: Lines) -> None:
                picture = _picture(state, most_seeds=max(1, console.height - _LINES_AROUND))
                live.update(Group(Text(_headline(state)), picture), refresh=True)

            yield show


def _json() -> Show:
    shown: list[State] = []

    def show(state: RunState, lines: Lines) -> None:
        if lines.records or [state.state] != shown:
            shown[:] = [state.state]
            typer.echo(json.dumps(state.record()))

    return show


def _plain() -> Show:
    shown: list[State] = []

    def show(state: RunState, lines: Lines) -> None:
        for event in () if lines.anew else lines.records:
            if event["event"] in _MEANINGS:
                typer.echo(f"step {event['step']}: seed {event['seed']} {_MEANINGS[event['event']]}")
        if lines.records:
            typer.echo(_line(state))
        if [state.state] != shown:
            shown[:] = [state.state]
            typer.echo(_headline(state))

    return show


def _headline(state: RunState) -> str:
    """Says how a run stands and, where nobody trains it, how to go on."""
    path, history = state.path, state.history
    go_on = f"Go on: {shlex.join(['neuralgpu', 'train', '--resume', str(path)])}"
    match state.state:
        case "running":
            said = "is being trained" if state.holder is None else f"is being trained by {state.holder}"
        case "finished":
            said = f"finished after {plural(history.step, 'step')}."
        case "diverged":
            said = f"diverged: from step {max(history.diverged.values())} on the loss of no seed is finite."
        case "interrupted":
            said = f"was interrupted at step {history.step}; nobody trains it now. {go_on}"
        case _:
            said = f"stopped after step {history.step}; nobody trains it any more. {go_on}"
    return f"{path} ({history.task}) {said}"


def _line(state: RunState) -> str:
    """Says in a line how training stands, by the newest epoch; the medians of the seeds that have not diverged."""
    history = state.history
    seeds = [seed for seed in history.seeds.values() if seed.diverged_at is None and seed.length is not None]
    parts = [f"{history.step}/{history.last_step}", *_times(state)]
    if len(seeds) < len(history.seeds):
        parts.append(f"{len(seeds)} of {len(history.seeds)} seeds")
    if seeds:
        lengths = sorted({seed.length for seed in seeds if seed.length is not None})
        parts.append(f"length {lengths[0] if len(lengths) == 1 else f'{lengths[0]}-{lengths[-1]}'}")
    if history.sequence_error is not None:
        parts.append(f"error {history.sequence_error:.1%}")
    return "  ".join(parts)


def _times(state: RunState) -> list[str]:
    """Returns the age of what is shown, and the time left where it is known."""
    history, left = state.history, state.seconds_left
    return [
        *([] if history.time is None else [f"{rough_duration(time.time() - history.time)} ago"]),
        *([] if left is None else [f"\N{LESS-THAN OR EQUAL TO}{clock(left)} left"]),
    ]


def _picture(state: RunState, most_seeds: int | None) -> RenderableType:
    """Builds what is drawn of a state, of so many seeds at most."""
    history = state.history
    bar = Table.grid(padding=(0, 2))
    done = ProgressBar(total=history.last_step, completed=history.step, width=30)
    bar.add_row(done, f"{history.step}/{history.last_step}", *_times(state)[1:])
    return Group(bar, Text(_age(state), "dim"), _seeds_table(history, most_seeds))


def _age(state: RunState) -> str:
    """Says of when the numbers are, and when the next ones can be expected."""
    history = state.history
    told = "No epoch has ended yet" if history.time is None else f"As of step {history.step}, {_times(state)[0]}"
    return f"{told}; the next numbers come at step {history.next_step}." if state.state == "running" else f"{told}."


def _seeds_table(history: RunHistory, most: int | None) -> RenderableType:
    several = history.task_count > 1
    table = Table(box=None, pad_edge=False)
    for heading in ("seed", "step", "length", "loss", "error", *(("solved",) if several else ())):
        table.add_column(heading, justify="right")
    for heading in (*(("task",) if several else ()), ""):
        table.add_column(heading)
    seeds = list(history.seeds.values())
    for seed in seeds[:most]:
        solved = (f"{seed.solved} of {history.task_count}",) if several else ()
        task = (_known(seed.task, str),) if several else ()
        numbers = (
            _known(seed.step, str),
            _known(seed.length, str),
            _known(seed.loss, "{:.4f}".format),
            _known(seed.sequence_error, percent),
        )
        table.add_row(str(seed.seed), *numbers, *solved, *task, _notes(seed))
    left_out = len(seeds) - len(seeds[:most])
    more = f"and {plural(left_out, 'more seed')}; --once shows all of them."
    return Group(table, Text(more, "dim")) if left_out else table


def _known(value: Any, written: Callable[[Any], str]) -> str:
    return "-" if value is None else written(value)


def _notes(seed: SeedStanding) -> Text:
    """Returns what is special about a seed."""
    notes = {"diverged": seed.diverged_at, "learned": seed.learned_at}
    texts = [f"{name}@{step}" for name, step in notes.items() if step is not None]
    texts += [plural(seed.restarts, "restart")] if seed.restarts else []
    return Text(" ".join(texts), "red" if seed.diverged_at is not None else "")

"""neuralgpu runs."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.cli.arguments import JsonOption

if TYPE_CHECKING:
    from neuralgpu.run_state import DamagedRun, RunState

_SHORTEST_NAME = 12
_LONGEST_ERROR = 200
_STYLES = {"running": "green", "interrupted": "yellow", "stopped": "yellow", "diverged": "red", "damaged": "red"}


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to look, the folders in it included.")] = Path(
        "runs"
    ),
    sort: Annotated[
        str, typer.Option("--sort", metavar="KEY", help="name, state, step, task, error, judged or age (newest first).")
    ] = "name",
    as_json: JsonOption = False,
) -> None:
    """List the runs in a folder: how each stands, how far it has come, its errors, what is damaged.

    Error is the seeds' median in the newest epoch of training, judged that on the longest random inputs that 'neuralgpu
    evaluate' tried; age is the time since the newest event.
    """
    from neuralgpu.errors import UserError, unknown_name
    from neuralgpu.run_state import DamagedRun, find_runs, run_state

    if sort not in _KEYS:
        raise unknown_name("key to sort by", sort, _KEYS)
    if not folder.is_dir():
        remedy = "there are none yet, 'neuralgpu train badd' makes one" if folder == Path("runs") else "give a folder"
        raise UserError(f"There is no folder {folder}; {remedy}.")
    found = sorted(map(run_state, find_runs(folder)), key=lambda run: run.path.parts)
    if sort != "name":
        found.sort(key=lambda run: (1, "") if isinstance(run, DamagedRun) else (0, _KEYS[sort](run)))
    if as_json:
        for state in found:
            typer.echo(json.dumps(state.record()))
    elif found:
        _print(folder, found)
    else:
        typer.echo(
            f"There are no runs in {folder}; 'neuralgpu train badd --out {folder / 'first'}' makes one.", err=True
        )


_KEYS: dict[str, Callable[["RunState"], Any]] = {
    "name": lambda run: run.path.parts,
    "state": lambda run: run.state,
    "step": lambda run: -run.history.step,
    "task": lambda run: run.history.task,
    "error": lambda run: _or_last(run.history.sequence_error),
    "judged": lambda run: _or_last(run.judged and run.judged.sequence_error),
    "age": lambda run: _or_last(run.history.time and -run.history.time),
}


def _or_last(value: float | None) -> float:
    return math.inf if value is None else value


def _print(folder: Path, found: list["RunState | DamagedRun"]) -> None:
    """Prints a line a run, the error of a damaged one in place of numbers; a terminal has to have room for it."""
    from rich.console import Console
    from rich.text import Text

    from neuralgpu.run_state import DamagedRun

    console = Console(highlight=False, soft_wrap=True)
    names = ["run", *(str(folder) if run.path == folder else str(run.path.relative_to(folder)) for run in found)]
    states = ["state", *(run.state for run in found)]
    rows = [run.error if isinstance(run, DamagedRun) else _numbers(run) for run in found]
    readable = [row for row in rows if isinstance(row, dict)]
    widths = {key: max(len(key), *(len(row[key]) for row in readable)) for key in readable[0]} if readable else {}
    name_width, state_width = max(map(len, names)), max(map(len, states))
    if console.is_terminal:

        def room() -> int:
            return console.width - sum(2 + width for width in (state_width, *widths.values()))

        for key in ("task", "judged", "age"):
            if room() < _SHORTEST_NAME:
                widths.pop(key, None)
        name_width = min(name_width, max(_SHORTEST_NAME, room()))
    for name, state, row in zip(names, states, ({key: key for key in widths}, *rows), strict=True):
        line = Text(f"{_shortened(name, name_width):<{name_width}}  ")
        line.append(f"{state:<{state_width}}", _STYLES.get(state, ""))
        if isinstance(row, dict):
            line.append("".join(f"  {row[key]:<{width}}" for key, width in widths.items()).rstrip())
        else:
            line.append(f"  {shorten(row, _LONGEST_ERROR, placeholder=' ...')}")
        console.print(line)


def _numbers(run: "RunState") -> dict[str, str]:
    """Returns what stands behind the state of a run, by the headings."""
    from neuralgpu.reporting.wording import percent, rough_duration

    history = run.history
    diverged = history.diverged
    return {
        "step": f"{history.step}/{history.last_step}",
        "task": history.task,
        "seeds": f"{len(history.seeds)}{f', {len(diverged)} diverged@{min(diverged.values())}' if diverged else ''}",
        "error": "-" if history.sequence_error is None else percent(history.sequence_error),
        "judged": "-" if run.judged is None else f"{percent(run.judged.sequence_error)}@{run.judged.length}",
        "age": "-" if history.time is None else rough_duration(time.time() - history.time),
    }


def _shortened(name: str, width: int) -> str:
    """Leaves out the beginning of a name that is too long: runs in a folder of a sweep differ at their ends."""
    return name if len(name) <= width else f"\N{HORIZONTAL ELLIPSIS}{name[len(name) - width + 1 :]}"

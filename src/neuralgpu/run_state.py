"""How a run stands, from its files alone: who trains it, how far it has come, how it ended, what is damaged."""

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

from neuralgpu.checkpoint import check_sizes
from neuralgpu.errors import UserError
from neuralgpu.log_follower import Lines, LogFollower
from neuralgpu.rows import read_rows
from neuralgpu.run_directory import RunDirectory, open_run
from neuralgpu.run_history import RunHistory
from neuralgpu.run_lock import LOCK_FILE, Holder, holder

State = Literal["running", "interrupted", "stopped", "diverged", "finished"]
"""running: a process holds it. interrupted: Ctrl-C or SIGTERM ended it. stopped: it ended in no orderly way. diverged:
the loss of every seed was no longer finite. finished: it made its last step."""


@dataclass(frozen=True)
class Judged:
    """What `neuralgpu evaluate` found last on random inputs, at the greatest length."""

    step: int
    length: int
    sequence_error: float
    """The median over the seeds."""


@dataclass(frozen=True)
class DamagedRun:
    """A run that cannot be read."""

    path: Path
    error: str
    """Which file is damaged, and what to do."""
    state: Literal["damaged"] = "damaged"

    def record(self) -> dict[str, Any]:
        """Returns the state as a JSON object."""
        return {"run": str(self.path), "state": self.state, "error": self.error}


@dataclass(frozen=True)
class RunState:
    """How a run stands."""

    path: Path
    state: State
    history: RunHistory
    """What its events tell; it is told more as long as the run is followed."""
    holder: Holder | None = None
    """Who trains it; None when nobody does."""
    judged: Judged | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing to go on with."""
        return self.state in {"finished", "diverged"}

    @property
    def seconds_left(self) -> float | None:
        """The time that training still takes, at the pace of the newest epochs; None where that is not known."""
        history = self.history
        if self.state != "running" or history.time is None or history.seconds_a_step is None:
            return None
        since = time.time() - history.time
        return max(0.0, (history.last_step - history.step) * history.seconds_a_step - since)

    def record(self) -> dict[str, Any]:
        """Returns the state as a JSON object."""
        history = self.history
        return {
            "run": str(self.path),
            "state": self.state,
            "task": history.task,
            "step": history.step,
            "last_step": history.last_step,
            "seconds_left": self.seconds_left,
            "sequence_error": history.sequence_error,
            "judged": self.judged and asdict(self.judged),
            "time": history.time,
            "holder": self.holder and asdict(self.holder),
            "seeds": [asdict(seed) for seed in history.seeds.values()],
        }


def find_runs(folder: Path) -> Iterator[Path]:
    """Yields the run directories in a folder, the folder itself and those in its folders included.

    A run is known by two of the things that it holds, whatever they hold.
    """
    signs = {"config.toml", "events.jsonl", "checkpoints", LOCK_FILE}
    for parent, folders, files in os.walk(folder):
        if len(signs & {*folders, *files}) >= 2:
            folders.clear()
            yield Path(parent)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


class StateFollower:
    """Follows the state of a run that another process trains."""

    def __init__(self, path: Path) -> None:
        """Begins before the run's first event.

        Raises:
            UserError: there is no run.
            DamagedRunError: its settings cannot be read.
        """
        self._directory = open_run(path)
        self._log = LogFollower(self._directory.events_file)
        self._history = self._new_history()

    def look(self) -> tuple[RunState, Lines]:
        """Returns how the run stands, and the events that were written since the last look.

        Raises:
            DamagedRunError: the log cannot be read.
            StorageError: the lock cannot be looked at.
        """
        path = self._directory.path
        held = holder(path)  # first: what a holder that is gone has written is then all there
        lines = self._log.read()
        if lines.anew:
            self._history = self._new_history()
        self._history.add(lines.records)
        return RunState(path, _state(self._history, held), self._history, held), lines

    def _new_history(self) -> RunHistory:
        return RunHistory(open_run(self._directory.path).config(), self._directory.events_file)


def run_state(path: Path) -> RunState | DamagedRun:
    """Reads how a run stands, also one that cannot be read."""
    try:
        state, _ = StateFollower(path).look()
        directory = open_run(path)
        check_sizes(directory.checkpoints)
        return replace(state, judged=_judged(directory))
    except UserError as error:
        return DamagedRun(path, str(error))


def _state(history: RunHistory, held: Holder | None) -> State:
    if history.ending == "finish":
        return "finished"
    if held:
        return "running"
    if len(history.diverged) == len(history.seeds):
        return "diverged"
    return "interrupted" if history.ending == "interrupt" else "stopped"


def _judged(directory: RunDirectory) -> Judged | None:
    asked = ("random", directory.config().task)
    rows = [row for row in read_rows(directory.results_file) if (row.suite, row.task) == asked and row.seed is not None]
    if not rows:
        return None
    step, length = max((row.step or 0, row.length) for row in rows)
    newest = {row.seed: row.sequence_error for row in rows if (row.step or 0, row.length) == (step, length)}
    return Judged(step, length, median(newest.values()))

"""A run on disk: settings, events, results, examples, checkpoints, report."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.config import RunConfig
from neuralgpu.disk import make_folder, partial_of, replace_file
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.rows import append_lines, read_lines, replace_lines, torn_warning
from neuralgpu.run_lock import LOCK_FILE
from neuralgpu.settings import read_toml, run_config


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run."""

    path: Path
    writable: bool = True
    """Off in all but the first of the processes that make a run together: they log nothing."""
    observers: tuple[Callable[[], None], ...] = ()
    """Called when an event has been added to the log."""

    @property
    def config_file(self) -> Path:
        """The run's settings."""
        return self.path / "config.toml"

    @property
    def events_file(self) -> Path:
        """What happened, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def results_file(self) -> Path:
        """Result rows."""
        return self.path / "results.jsonl"

    @property
    def examples_file(self) -> Path:
        """Inputs with the answers given."""
        return self.path / "examples.jsonl"

    @property
    def counterexamples_file(self) -> Path:
        """Inputs that were searched for and are answered wrongly."""
        return self.path / "counterexamples.jsonl"

    @property
    def judgement(self) -> Path:
        """Folder of the whole examination's findings."""
        return self.path / "judgement"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Folder of what TensorBoard reads; a run that has it goes on with it."""
        return self.path / "tensorboard"

    @property
    def begun(self) -> bool:
        """Whether there is, or was, a checkpoint: the first one is saved before the first step."""
        checkpoints = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        return any(path.name.isdigit() for path in checkpoints) or any(
            event.get("step") for event in read_lines(self.events_file)
        )

    def config(self) -> RunConfig:
        """Reads the run's settings."""
        return run_config(read_toml(self.config_file))

    def write_config(self, config: RunConfig) -> None:
        """Writes the run's settings, in place of those that are there.

        Raises:
            StorageError: the disk refused.
        """
        if not self.writable:
            return
        try:
            replace_file(self.config_file, config.to_toml().encode())
        except OSError as error:
            raise StorageError(f"Cannot write to {self.path}: {error.strerror}; choose another --out.") from error

    def append_event(self, event: str, step: int, **values: Any) -> None:
        """Adds one line to the event log.

        Raises:
            StorageError: the disk refused.
        """
        if not self.writable:
            return
        append_lines(self.events_file, [{"event": event, "step": step, "time": round(time.time(), 3), **values}])
        self.tell_observers()

    def tell_observers(self) -> None:
        """Lets the observers look at the event log."""
        for observer in self.observers:
            observer()

    def forget_events_after(self, step: int) -> None:
        """Removes the events of steps that a resumed run will make again, and a torn last line.

        Raises:
            DamagedRunError: the log cannot be read.
            StorageError: the disk refused.
        """
        if not self.writable:
            return
        events = read_lines(self.events_file)
        if not all(isinstance(event.get("step"), int) for event in events):
            raise DamagedRunError(f"{self.events_file} holds an event without a step; remove that line to go on.")
        replace_lines(self.events_file, (event for event in events if event["step"] <= step))

    def torn_logs(self) -> list[str]:
        """Returns one warning for every log whose last line is torn.

        Raises:
            DamagedRunError: a log cannot be read.
        """
        logs = (self.events_file, self.results_file, self.examples_file)
        return [warning for warning in map(torn_warning, logs) if warning]


def check_place(path: Path) -> None:
    """Refuses a path for a run at which there is something that is not a run.

    Raises:
        UserError: there is.
    """
    unbegun = {LOCK_FILE, partial_of(RunDirectory(path).config_file).name}
    if not path.exists() or (path.is_dir() and {entry.name for entry in path.iterdir()} <= unbegun):
        return
    if not _is_run(RunDirectory(path)):
        raise UserError(f"{path} is there already and is not a run; choose another --out.")


def check_new(path: Path) -> None:
    """Refuses a path for a new run at which there is a run.

    Raises:
        UserError: there is; the message says what can be done with it.
    """
    if RunDirectory(path).config_file.exists():
        raise UserError(
            f"{path} already holds a run; continue it with --resume {path}, replace it with --force, "
            "or choose another --out."
        )


def create_run(path: Path, config: RunConfig, *, force: bool) -> RunDirectory:
    """Makes a new run directory and writes the settings; of a run that is replaced, only a run's files are removed.

    Raises:
        UserError: something is there already and `force` is off, or it is not a run.
        StorageError: the directory cannot be written.
    """
    run = RunDirectory(path)
    try:
        check_place(path)
        if not force:
            check_new(path)
        _remove_files(run)
        make_folder(path)
    except OSError as error:
        raise StorageError(f"Cannot write to {path}: {error.strerror}; choose another --out.") from error
    run.write_config(config)
    return run


def open_run(path: Path, *, writable: bool = True) -> RunDirectory:
    """Opens an existing run.

    Raises:
        UserError: there is no such directory, or it is not a run.
        DamagedRunError: its settings cannot be read.
    """
    run = RunDirectory(path, writable)
    try:
        if not path.exists():
            raise UserError(f"There is no run directory {path}; 'neuralgpu train' makes one.")
        if not run.config_file.is_file():
            raise UserError(
                f"{path} is not a run directory: it has no config.toml. Give a directory that 'neuralgpu train' wrote."
            )
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}; give a run directory.") from error
    try:
        run.config()
    except UserError as error:
        raise DamagedRunError(f"The settings of {path} cannot be read: {error}") from error
    return run


def _is_run(run: RunDirectory) -> bool:
    """Says whether a path holds a run, of another version perhaps; many programs have a config.toml."""
    try:
        return {"task", "model", "curriculum", "optimiser"} <= set(read_toml(run.config_file))
    except UserError:
        return False


def _remove_files(run: RunDirectory) -> None:
    for folder in (run.checkpoints, run.tensorboard, run.judgement):
        if folder.exists():  # what stayed would be taken for the new run's
            shutil.rmtree(folder)
    logs = (run.events_file, run.results_file, run.examples_file, run.counterexamples_file)
    for file in (*logs, run.path / "report.html", run.config_file):
        file.unlink(missing_ok=True)

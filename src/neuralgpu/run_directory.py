"""A run on disk: settings, events, results, examples, checkpoints, report."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.config import RunConfig, read_toml, run_config
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.rows import read_lines


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run."""

    path: Path

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
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def config(self) -> RunConfig:
        """Reads the run's settings."""
        return run_config(read_toml(self.config_file))

    def append_event(self, event: str, step: int, **values: Any) -> None:
        """Adds one line to the event log."""
        with self.events_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "step": step, "time": round(time.time(), 3), **values}) + "\n")

    def forget_events_after(self, step: int) -> None:
        """Removes the events of steps that a resumed run will make again, and a torn last line."""
        kept = [event for event in read_lines(self.events_file) if event["step"] <= step]
        temporary = self.events_file.with_suffix(".partial")
        temporary.write_text("".join(json.dumps(event) + "\n" for event in kept), encoding="utf-8")
        os.replace(temporary, self.events_file)


def create_run(path: Path, config: RunConfig, *, force: bool) -> RunDirectory:
    """Makes a new run directory and writes the settings.

    Raises:
        UserError: something is there already and `force` is off, or it is not a run.
        StorageError: the directory cannot be written.
    """
    run = RunDirectory(path)
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if not path.is_dir() or not run.config_file.is_file():
                raise UserError(f"{path} is there already and is not a run; choose another --out.")
            if not force:
                raise UserError(
                    f"{path} already holds a run; continue it with --resume {path}, replace it with --force, "
                    "or choose another --out."
                )
            shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
        run.config_file.write_text(config.to_toml(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"Cannot write to {path}: {error.strerror}; choose another --out.") from error
    return run


def open_run(path: Path) -> RunDirectory:
    """Opens an existing run.

    Raises:
        UserError: there is no such directory, or it is not a run.
        DamagedRunError: its settings cannot be read.
    """
    run = RunDirectory(path)
    if not path.exists():
        raise UserError(f"There is no run directory {path}; 'neuralgpu train' makes one.")
    if not run.config_file.is_file():
        raise UserError(f"{path} is not a run directory: it has no config.toml.")
    try:
        run.config()
    except UserError as error:
        raise DamagedRunError(f"The settings of {path} cannot be read: {error}") from error
    return run

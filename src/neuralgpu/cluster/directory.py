"""A sweep on disk: its spec, the jobs it was divided into, which of them are finished, and the table of all rows."""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.cluster.packing import Job, job_of
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.rows import append_lines, read_lines
from neuralgpu.run_directory import RunDirectory
from neuralgpu.run_lock import LOCK_FILE

_PLAN, _FINISHED, _RAY_LOG = "plan.json", "finished.json", "ray.log"
_UNBEGUN = {LOCK_FILE, _RAY_LOG, "tasks"}
"""What a sweep that was stopped before it was planned has left."""


@dataclass(frozen=True)
class SweepDirectory:
    """The files of one sweep."""

    path: Path

    @property
    def plan_file(self) -> Path:
        """The spec as it was given, and the jobs; everything that `--resume` needs."""
        return self.path / _PLAN

    @property
    def results_file(self) -> Path:
        """The rows of all finished jobs."""
        return self.path / "results.jsonl"

    @property
    def ray_log(self) -> Path:
        """What Ray prints."""
        return self.path / _RAY_LOG

    def run(self, job: str) -> RunDirectory:
        """Returns the run directory of a job."""
        return RunDirectory(self.path / job)

    def task_files(self) -> list[Path]:
        """Returns the user's own files of tasks, copies of which belong to the sweep."""
        return sorted((self.path / "tasks").glob("*.py"))

    def attempts_file(self, job: str) -> Path:
        """Who has worked on a job, one JSON object an attempt."""
        return self.path / "attempts" / f"{job}.jsonl"

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What was planned when the sweep began.

        Raises:
            UserError: there is no sweep here.
            DamagedRunError: the plan cannot be read.
        """
        try:
            plan = json.loads(self.plan_file.read_bytes())
            if not isinstance(plan, dict) or not {"version", "token", "spec", "jobs"} <= plan.keys():
                raise ValueError("it lacks a key")
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{self.path} is not a sweep: it has no {_PLAN}. Give what --out named.") from None
        except OSError as error:
            raise UserError(f"{self.plan_file} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise DamagedRunError(f"{self.plan_file} is damaged ({error}); begin the sweep anew.") from error
        return plan

    @property
    def token(self) -> str:
        """What a machine can read that sees this directory and no other one of the same name."""
        return str(self.plan["token"])

    def jobs(self) -> list[Job]:
        """Returns the planned jobs.

        Raises:
            DamagedRunError: the plan cannot be read.
        """
        try:
            return [job_of(record) for record in self.plan["jobs"]]
        except (UserError, KeyError, TypeError, ValueError) as error:
            raise DamagedRunError(f"{self.plan_file} is damaged ({error}); begin the sweep anew.") from error

    def finish(self, job: str) -> None:
        """Marks a job as finished: its rows are those that its results file holds now.

        Raises:
            StorageError: the disk refused.
        """
        run = self.run(job)
        data = run.results_file.read_bytes()
        marker = {"bytes": len(data), "rows": data.count(b"\n"), "sha256": hashlib.sha256(data).hexdigest()}
        write_whole(run.path / _FINISHED, json.dumps(marker).encode())

    def finished_rows(self, job: str) -> list[dict[str, Any]] | None:
        """Returns the rows of a job, None where it is not finished or its rows are not those that it finished with.

        What was appended later, by `neuralgpu evaluate`, is no part of the sweep.
        """
        run = self.run(job)
        try:
            marker = json.loads((run.path / _FINISHED).read_bytes())
            with run.results_file.open("rb") as file:
                data = file.read(int(marker["bytes"]))
            if hashlib.sha256(data).hexdigest() != marker["sha256"]:
                return None
            return [json.loads(line) for line in data.splitlines()]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def merge(self, jobs: Sequence[str]) -> int:
        """Writes the rows of all finished jobs into one table, in the order of the plan, and returns their number.

        The table is made anew each time, so every row is in it once. Its rows name their run by its path in the sweep.

        Raises:
            StorageError: the disk refused.
        """
        lines = [
            json.dumps({**row, "run": job}).encode() + b"\n" for job in jobs for row in self.finished_rows(job) or []
        ]
        write_whole(self.results_file, b"".join(lines))
        return len(lines)

    def log_attempt(self, job: str, record: Mapping[str, Any]) -> int:
        """Adds a line to a job's attempts and returns their number.

        Raises:
            StorageError: the disk refused.
        """
        file = self.attempts_file(job)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"Cannot write to {file.parent}: {error.strerror}; make room.") from error
        append_lines(file, [record])
        return len(read_lines(file))


def check_place(path: Path) -> None:
    """Refuses a path for a new sweep at which there is something already.

    Raises:
        UserError: there is; the message says what can be done.
    """
    if SweepDirectory(path).plan_file.exists():
        raise UserError(f"{path} already holds a sweep; go on with --resume {path}, or choose another --out.")
    if path.exists() and (not path.is_dir() or {entry.name for entry in path.iterdir()} - _UNBEGUN):
        raise UserError(f"{path} is there already and is not a sweep; choose another --out.")


def create_sweep(
    path: Path, spec: Mapping[str, Any], jobs: Sequence[Job], task_files: Sequence[Path]
) -> SweepDirectory:
    """Makes the directory of a new sweep.

    Raises:
        UserError: something is there already.
        StorageError: the disk refused.
    """
    directory = SweepDirectory(path)
    check_place(path)
    try:
        for file in task_files:
            (path / "tasks").mkdir(parents=True, exist_ok=True)
            write_whole(path / "tasks" / file.name, file.read_bytes())
    except OSError as error:
        raise StorageError(f"Cannot write to {path}: {error.strerror}; choose another --out.") from error
    plan = {
        "version": __version__,
        "token": secrets.token_hex(16),
        "spec": spec,
        "jobs": [job.record() for job in jobs],
    }
    write_whole(directory.plan_file, json.dumps(plan, indent=1).encode())
    return directory


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there as a whole or not at all, whatever dies on the way.

    Raises:
        StorageError: the disk refused.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}; make room, then go on with --resume.") from error

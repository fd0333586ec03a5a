"""What the sweeps and measurements of a reproduction have found so far, read from its folder; does without JAX."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from statistics import median
from typing import Any

from neuralgpu.cluster.directory import SweepDirectory
from neuralgpu.errors import DamagedRunError
from neuralgpu.reporting.history import by_seed, of_kind, settled
from neuralgpu.rows import SUCCESS_BELOW, ResultRow, read_lines
from neuralgpu.run_directory import RunDirectory

_NEAR = 6
"""Symbols by which inputs may be shorter than a nominal length that their task does not have."""

Curve = list[tuple[int, float]]


@dataclass
class CellResults:
    """The seeds of one task, variant and size."""

    name: str
    """TASK-VARIANT-CHANNELS; of a chain, its tasks joined by '-'."""
    task: str
    """The one that is judged, a chain's last."""
    variant: str
    channels: int
    steps: int
    """Training steps at most."""
    planned: list[int] = field(default_factory=list)
    """Seeds."""
    runs: list[RunDirectory] = field(default_factory=list)
    """Of the finished jobs."""
    rows: list[ResultRow] = field(default_factory=list)
    """Of the finished jobs, those of the looks on the way as well."""

    @property
    def done(self) -> list[int]:
        """Seeds that are trained and judged."""
        return sorted({row.seed for row in self.rows if row.seed is not None})

    def errors(self, length: int, suite: str = "random") -> dict[int, float]:
        """Returns each seed's error at the end, on inputs of a length or a little shorter."""
        return {seed: curve[-1][1] for seed, curve in self.test_curves(length, suite).items()}

    def best_errors(self, length: int) -> dict[int, float]:
        """Returns each seed's lowest error at any look: the paper's way to count a success."""
        return {seed: min(error for _, error in curve) for seed, curve in self.test_curves(length).items()}

    def successes(self, length: int) -> tuple[int, int]:
        """Returns how many seeds came below 1% error at some look, and how many there are."""
        errors = self.best_errors(length).values()
        return sum(error < SUCCESS_BELOW for error in errors), len(errors)

    def test_curves(self, length: int, suite: str = "random") -> dict[int, Curve]:
        """Returns each seed's errors on inputs of a length or a little shorter, by training step."""
        asked = {row.length for row in self.rows if row.suite == suite and length - _NEAR < row.length <= length}
        found: dict[int, Curve] = {}
        for row in self.rows:
            if asked and row.suite == suite and row.length == max(asked) and row.seed is not None:
                found.setdefault(row.seed, []).append((row.step or 0, row.sequence_error))
        return {seed: sorted(curve) for seed, curve in sorted(found.items())}

    def by_size(self, suite: str) -> dict[int, list[float]]:
        """Returns the errors of all seeds at every size of a suite."""
        found: dict[int, list[float]] = {}
        for row in self.rows:
            if row.suite == suite:
                found.setdefault(row.size or row.length, []).append(row.sequence_error)
        return found

    @cached_property
    def training(self) -> dict[int, list[Mapping[str, Any]]]:
        """The events of progress of each seed."""
        found: dict[int, list[Mapping[str, Any]]] = {}
        for run in self.runs:
            found |= by_seed(of_kind(settled(read_lines(run.events_file)), "progress"))
        return found

    def training_curves(self, task: str | None = None) -> list[Curve]:
        """Returns each seed's training errors by step; of a chain, those of one of its tasks, the last by default."""
        wanted = task or self.task
        return [
            [(event["step"], event["sequence_error"]) for event in events if event.get("task", wanted) == wanted]
            for events in self.training.values()
        ]

    @property
    def reached(self) -> float | None:
        """The median over the seeds of the curriculum length at the end, None where none has been trained."""
        lengths = [events[-1]["length"] for events in self.training.values() if events]
        return float(median(lengths)) if lengths else None

    @property
    def seconds(self) -> float:
        """Seconds that its finished jobs were trained."""
        events = (event for run in self.runs for event in of_kind(read_lines(run.events_file), "finish"))
        return float(sum(event["seconds"] for event in events))


class SweepResults:
    """One sweep's cells."""

    def __init__(self, directory: SweepDirectory) -> None:
        """Reads the plan; rows are read when they are asked for."""
        self.directory = directory
        self.jobs: list[dict[str, Any]] = directory.plan["jobs"]

    @cached_property
    def finished(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of the finished jobs."""
        names = [job["name"] for job in self.jobs]
        return {name: rows for name in names if (rows := self.directory.finished_rows(name)) is not None}

    @property
    def missing(self) -> list[str]:
        """Names of the jobs that are not finished."""
        return [job["name"] for job in self.jobs if job["name"] not in self.finished]

    @cached_property
    def cells(self) -> dict[str, CellResults]:
        """Every planned cell, by its name."""
        found: dict[str, CellResults] = {}
        for job in self.jobs:
            name, config = job["name"].partition("/")[0], job["config"]
            tasks, channels = config["curriculum"]["tasks"] or [config["task"]], config["model"]["channels"]
            variant = name.removeprefix("-".join(tasks) + "-").removesuffix(f"-{channels}")
            cell = found.setdefault(name, CellResults(name, tasks[-1], variant, channels, config["steps"]))
            cell.planned += config["seeds"]
            if job["name"] in self.finished:
                cell.runs.append(self.directory.run(job["name"]))
                cell.rows += [ResultRow(**row) for row in self.finished[job["name"]]]
        return found

    def chosen(self, task: str | None = None, variant: str | None = None, channels: int | None = None) -> list[Any]:
        """Returns the cells of a task, a variant, a size."""
        return [
            cell
            for cell in self.cells.values()
            if task in (None, cell.task) and variant in (None, cell.variant) and channels in (None, cell.channels)
        ]


class Results:
    """Everything in the folder of a reproduction."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing yet."""
        self.folder = folder
        self.sweep = cache(self._sweep)

    def sweep_directory(self, name: str) -> SweepDirectory:
        """Returns where a sweep is, or will be."""
        return SweepDirectory(self.folder / "sweeps" / name)

    def measured_file(self, name: str) -> Path:
        """Returns where a measurement is, or will be."""
        return self.folder / "measured" / f"{name}.json"

    def _sweep(self, name: str) -> SweepResults | None:
        """Returns what there is of a sweep; None where it has not been begun."""
        directory = self.sweep_directory(name)
        return SweepResults(directory) if directory.plan_file.is_file() else None

    def measured(self, name: str) -> list[dict[str, Any]]:
        """Returns what a measurement found; nothing where it has not been made.

        Raises:
            DamagedRunError: its file cannot be read.
        """
        record = self.measurement(name)
        return [] if record is None else record["found"]

    def measurement(self, name: str) -> dict[str, Any] | None:
        """Returns the whole record of a measurement: what was measured, how long it took, what was found.

        Raises:
            DamagedRunError: its file cannot be read.
        """
        file = self.measured_file(name)
        try:
            return json.loads(file.read_bytes()) if file.is_file() else None
        except (OSError, ValueError) as error:
            raise DamagedRunError(f"{file} cannot be read ({error}); remove it to measure again.") from error

    def inputs(self) -> Iterator[Path]:
        """Yields the files that a report is made from, in a fixed order."""
        patterns: Sequence[str] = ("measured/*.json", "sweeps/*/plan.json", "sweeps/*/*/*/finished.json", "log.jsonl")
        for pattern in patterns:
            yield from sorted(self.folder.glob(pattern))

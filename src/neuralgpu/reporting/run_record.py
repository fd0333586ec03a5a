"""Reads a run directory: what was asked for, what happened and what was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.errors import DamagedRunError, UserError, shown
from neuralgpu.plain import from_plain
from neuralgpu.reporting.history import Event, of_kind, settled
from neuralgpu.reporting.summary import latest_rows
from neuralgpu.rows import ResultRow, read_lines, read_rows
from neuralgpu.settings import read_toml

Fields = Mapping[str, Any]
"""Types of fields by their names."""
ANY_EVENT: Fields = {"event": str, "step": int, "time": float}
EVENT_FIELDS: dict[str, Fields] = {
    "start": {
        "task": str,
        "preset": str,
        "seeds": list[int],
        "command": str,
        "device": str,
        "versions": dict[str, str],
        "cores": int,
    },
    "progress": {"seed": int, "length": int, "loss": float, "sequence_error": float, "seconds": float},
    "validate": {"seed": int, "length": int, "count": int, "sequence_error": float},
    "solved": {"seed": int, "task": str},
    "learned": {"seed": int},
    "diverged": {"seed": int},
    "restart": {"seed": int},
}
"""What a line of each kind must have beside 'event', 'step' and 'time'."""
EXAMPLE_FIELDS: Fields = {
    "suite": str,
    "length": int,
    "seed": int | None,
    "step": int,
    "input": str,
    "target": str,
    "output": str,
}


@dataclass(frozen=True)
class RunRecord:
    """All that a report is made from."""

    path: Path
    config_text: str
    """config.toml as written."""
    config: Mapping[str, Any]
    events: list[Event]
    """In order, without what a resume made void."""
    rows: list[ResultRow]
    """Every row written, older checkpoints' too."""
    examples: list[dict[str, Any]]

    @property
    def start(self) -> Event | None:
        """The newest 'start' line, or None before training began."""
        starts = of_kind(self.events, "start")
        return starts[-1] if starts else None

    @property
    def last_step(self) -> int:
        """The last training step that the events tell of."""
        return max((event["step"] for event in self.events), default=0)

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return max((float(event["seconds"]) for event in self.events if "seconds" in event), default=0.0)

    @property
    def seeds(self) -> list[int]:
        """The seeds that were trained."""
        return list(self.start["seeds"]) if self.start else []

    @property
    def learned_seeds(self) -> set[int]:
        """The seeds that learned their longest training inputs."""
        return {event["seed"] for event in of_kind(self.events, "learned")}

    @property
    def trained_to(self) -> int | None:
        """Length of the longest training inputs: curriculum.max_length, else how far the curriculum got."""
        curriculum = self.config.get("curriculum")
        if isinstance(curriculum, Mapping) and isinstance(curriculum.get("max_length"), int):
            return curriculum["max_length"]
        return max((event["length"] for event in of_kind(self.events, "progress")), default=None)

    @property
    def task_rows(self) -> list[ResultRow]:
        """The latest rows of the task that was trained for, else of the first that was tested."""
        latest = latest_rows(self.rows)
        trained = self.start["task"] if self.start else ""
        tested = [row.task for row in latest]
        return [row for row in latest if row.task == (trained if trained in tested else tested[0])]

    @property
    def selects_on(self) -> Any:
        """The setting 'select_on', or None where the checkpoint was not chosen by longer inputs."""
        return next(settings_named(self.config, "select_on"), None)


def settings_named(config: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Finds the settings of that name in any table of a configuration, outer tables first."""
    if name in config:
        yield config[name]
    for value in config.values():
        if isinstance(value, Mapping):
            yield from settings_named(value, name)


def read_run(path: Path) -> RunRecord:
    """Reads a run directory; results, examples and events may be missing.

    Raises:
        UserError: the path is not a run directory.
        DamagedRunError: a file in it cannot be read.
    """
    config_path = path / "config.toml"
    if not config_path.is_file():
        raise UserError(
            f"{path} is not a run directory: it has no config.toml. Give a directory that 'neuralgpu train' wrote."
        )
    try:
        config = read_toml(config_path)
    except UserError as error:
        raise DamagedRunError(f"The settings of {path} cannot be read: {error}") from error
    config_text = config_path.read_text(encoding="utf-8")
    events = _checked(path / "events.jsonl", "event", ANY_EVENT)
    examples = _checked(path / "examples.jsonl", "example", EXAMPLE_FIELDS)
    rows = read_rows(path / "results.jsonl")
    return RunRecord(path, config_text, config, settled(events), rows, examples)


def _checked(path: Path, kind: str, common: Fields) -> list[dict[str, Any]]:
    """Reads a log and refuses a line in which a field is missing or of another type."""
    lines = read_lines(path)
    for line in lines:
        for name, wanted in {**common, **EVENT_FIELDS.get(str(line.get("event")), {})}.items():
            if name not in line:
                raise DamagedRunError(f"{path} holds an {kind} without {name!r}; remove that line to read the rest.")
            try:
                from_plain(wanted, line[name])
            except (ValueError, OverflowError) as error:
                raise DamagedRunError(
                    f"{path} holds an {kind} whose {name!r} is {shown(line[name])}; remove that line to read the rest."
                ) from error
    return lines

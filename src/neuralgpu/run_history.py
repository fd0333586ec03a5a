"""What a run's events say of how far it has come, added up one by one."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError

_WHOLE, _NUMBER = (int,), (int, float)
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "progress": {"seed": _WHOLE, "length": _WHOLE, "loss": _NUMBER, "sequence_error": _NUMBER, "seconds": _NUMBER},
    "diverged": {"seed": _WHOLE},
    "solved": {"seed": _WHOLE},
    "learned": {"seed": _WHOLE},
    "restart": {"seed": _WHOLE},
}
"""What an event must have beside a step and a time."""
_EPOCHS_OF_A_PACE = 5
"""Epochs whose steps are timed together: one alone may have waited for a compiler, or for another program."""


@dataclass(frozen=True)
class SeedStanding:
    """How far a seed has come."""

    seed: int
    step: int | None = None
    """Of the newest epoch that it learned in; None before the first one has ended, as all that follows."""
    task: str | None = None
    """The task that it was learning."""
    length: int | None = None
    """That task's curriculum length."""
    loss: float | None = None
    sequence_error: float | None = None
    """Both over that epoch's training inputs."""
    solved: int = 0
    """Number of tasks that it has solved."""
    learned_at: int | None = None
    """Step at which it had learned its longest training inputs."""
    diverged_at: int | None = None
    """Step at which its loss was no longer finite."""
    restarts: int = 0
    """How often it has started over with new weights."""


class RunHistory:
    """What the events of a run tell that have been added."""

    def __init__(self, config: RunConfig, log: Path) -> None:
        """Begins before the first event.

        Args:
            config: the run's settings.
            log: the file that the events come from, for messages.
        """
        self._config, self._log = config, log
        self.seeds = {seed: SeedStanding(seed) for seed in config.seeds}
        """By their numbers, in the order of the settings."""
        self.step = 0
        """Of the newest event."""
        self.time: float | None = None
        """Unix seconds of the newest event."""
        self.ending: str | None = None
        """The newest of the events 'start', 'resume', 'interrupt' and 'finish'."""
        self.task = config.curriculum_text
        """What is learned, as `--curriculum` takes it."""
        self.task_count = len(config.tasks)
        self._paces: list[tuple[int, float]] = []

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Counts events in.

        Raises:
            DamagedRunError: an event lacks a field, or tells of a seed that the run does not have.
        """
        for event in events:
            check_event(event, self._log)
            kind, self.step, self.time = event["event"], event["step"], float(event["time"])
            if kind in {"start", "resume", "interrupt", "finish"}:
                self.ending = kind
            elif kind in _FIELDS:
                seed = event["seed"]
                if seed not in self.seeds:
                    raise DamagedRunError(f"{self._log} tells of seed {seed}, which config.toml does not name.")
                self.seeds[seed] = _after(self.seeds[seed], event, self._config)
            if kind == "progress" and (not self._paces or self.step > self._paces[-1][0]):
                self._paces = [*self._paces[-_EPOCHS_OF_A_PACE:], (self.step, float(event["seconds"]))]

    @property
    def diverged(self) -> dict[int, int]:
        """Seeds that have diverged, with the step of it."""
        return {seed: of.diverged_at for seed, of in self.seeds.items() if of.diverged_at is not None}

    @property
    def last_step(self) -> int:
        """Number of steps after which the run ends, as far as it is known now."""
        if self.ending == "finish":
            return self.step
        ends = [self._config.last_step(of.learned_at) for of in self.seeds.values() if of.diverged_at is None]
        return max(ends, default=self.step)

    @property
    def next_step(self) -> int:
        """The step at which an epoch ends next: a running training tells of itself there."""
        return min((self.step // self._config.epoch + 1) * self._config.epoch, self.last_step)

    @property
    def sequence_error(self) -> float | None:
        """The median over the seeds that have not diverged of their newest training error."""
        errors = [of.sequence_error for of in self.seeds.values() if of.diverged_at is None]
        found = [error for error in errors if error is not None and math.isfinite(error)]
        return median(found) if found else None

    @property
    def seconds_a_step(self) -> float | None:
        """The time of a step in the newest epochs but the first one of all; None before one has ended."""
        if not self._paces:
            return None
        first, last = (0, 0.0) if len(self._paces) == 1 else self._paces[0], self._paces[-1]
        return max(0.0, last[1] - first[1]) / (last[0] - first[0])


def check_event(event: Mapping[str, Any], log: Path) -> None:
    """Refuses an event that lacks something.

    Args:
        event: a line of a run's log.
        log: the log, for the message.

    Raises:
        DamagedRunError: it does.
    """
    wanted = {"event": (str,), "step": _WHOLE, "time": _NUMBER, **_FIELDS.get(str(event.get("event")), {})}
    wrong = [name for name, kinds in wanted.items() if type(event.get(name)) not in kinds]
    if wrong:
        raise DamagedRunError(f"{log} holds an event without a valid {wrong[0]!r}; remove that line to read the rest.")


def _after(seed: SeedStanding, event: Mapping[str, Any], config: RunConfig) -> SeedStanding:
    """Returns how far a seed has come after an event of its own."""
    step = event["step"]
    match event["event"]:
        case "progress":
            return replace(
                seed,
                step=step,
                task=str(event.get("task", config.task)),
                length=event["length"],
                loss=float(event["loss"]),
                sequence_error=float(event["sequence_error"]),
            )
        case "diverged":
            return replace(seed, diverged_at=step)
        case "solved":
            return replace(seed, solved=seed.solved + 1)
        case "learned":
            return replace(seed, learned_at=step)
        case _:
            return replace(SeedStanding(seed.seed), step=seed.step, task=seed.task, restarts=seed.restarts + 1)

"""The faults that a run has to survive: each injects one for real, a number of times, and counts what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What became of a number of trials."""

    trials: int
    lost: int
    """Trials in which more than one interval, or a finished state, was lost."""
    undetected: int
    """Trials in which damage passed unnoticed, or a wrong thing happened."""
    note: str = ""
    """What was seen beside that: where the faults fell, how long it took."""


Injection = Callable[[int, Path], Outcome]
"""Injects a fault so many times, in a folder of its own."""


@dataclass(frozen=True)
class Fault:
    """One way to disturb a run, and what has to hold then."""

    number: int
    title: str
    criterion: str
    short: int
    """Number of trials in the gate."""
    full: int
    """Number of trials of `make faults`."""
    inject: Injection


FAULTS: dict[tuple[int, str], Fault] = {}
"""By number and title; a number has several faults where several things are disturbed under one criterion."""


def fault(number: int, title: str, criterion: str, *, short: int, full: int) -> Callable[[Injection], Injection]:
    """Adds a fault to the registry."""

    def add(inject: Injection) -> Injection:
        FAULTS[number, title] = Fault(number, title, criterion, short, full, inject)
        return inject

    return add


def all_faults() -> list[Fault]:
    """Returns the faults of every module `fault_*.py` of this folder, in order."""
    for module in sorted(Path(__file__).parent.glob("fault_*.py")):
        import_module(f".{module.stem}", __package__)
    return [FAULTS[key] for key in sorted(FAULTS)]

"""What an experiment is: sweeps that train, measurements of what they leave, and what is said of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from neuralgpu.experiments.results import Results
from neuralgpu.reporting.reproduction import Claim, Drawing

Scale = Literal["smoke", "laptop", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)
SweepValues = dict[str, Any]
"""A sweep's spec as plain values, as `neuralgpu sweep` reads them from a file."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Something that is measured once, of this program or of the models of a sweep."""

    name: str
    """Of its file."""
    what: str
    """The function of `measuring` that does it."""
    sweep: str = ""
    """Name of the sweep whose models it needs; "" where it needs none."""
    cells: tuple[str, ...] = ()
    """Cells of that sweep, each by itself."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Plain values for that function."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an experiment has to say."""

    claims: Sequence[Claim]
    drawings: Sequence[Drawing] = ()
    setting: str = ""
    """What was run, and how it departs from the paper's own setting."""
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A figure or table of the paper."""

    name: str
    title: str
    section: str
    promise: str
    """The head of its module: command, cost and device, expected numbers."""
    sweeps: Callable[[Scale], Mapping[str, SweepValues]]
    """The sweeps that it rests on, by their names; one that several experiments rest on is made once."""
    measurements: Callable[[Scale], Sequence[Measurement]]
    findings: Callable[[Results, Scale], Findings]
    """Says and draws what there is; does without JAX."""


def no_sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    """Says that an experiment trains nothing."""
    return {}


def no_measurements(scale: Scale) -> Sequence[Measurement]:
    """Says that an experiment measures nothing."""
    return ()

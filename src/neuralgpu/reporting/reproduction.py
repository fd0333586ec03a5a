"""What a report on the paper says: its claims beside what was found, part by part; written as HTML and Markdown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from neuralgpu import __version__
from neuralgpu.disk import make_folder
from neuralgpu.reporting.axes import save_figure
from neuralgpu.reporting.page import TEMPLATES, Exhibit, exhibit, write_page
from neuralgpu.reporting.wording import plural

Verdict = Literal["agrees", "differs", "undecided", "not run"]
COLUMNS = ("What the paper says", "Paper", "Here", "95% interval", "Trainings", "Steps", "Verdict", "Why")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of the paper, and what was found here."""

    what: str
    paper: str
    """The paper's number or words."""
    ours: str = "–"
    interval: str = "–"
    """The 95% interval of ours, where it is a share."""
    trainings: int | None = None
    """Number of seeds, over all tasks, that ours rests on; None where it rests on none."""
    steps: int | None = None
    """Training steps of each at most."""
    verdict: Verdict
    why: str = ""
    """Why it was not run or cannot be decided, or the best explanation of a difference."""

    def cells(self) -> list[str]:
        """Returns the row of the table."""
        numbers = ["–" if number is None else f"{number:,}" for number in (self.trainings, self.steps)]
        return [self.what, self.paper, self.ours, self.interval, *numbers, self.verdict, self.why or "–"]


@dataclass(frozen=True)
class Drawing:
    """A figure of a part."""

    name: str
    """Of its file, without the ending."""
    heading: str
    figure: Figure
    caption: str
    """With units and numbers of seeds and inputs."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A figure or table of the paper."""

    name: str
    """As `neuralgpu reproduce` takes it."""
    title: str
    section: str
    """Of the paper."""
    command: str
    """Runs what is missing, and draws."""
    setting: str = ""
    """What was run, and how it departs from the paper's own setting."""
    claims: Sequence[Claim]
    drawings: Sequence[Drawing] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)

    def count(self) -> Counter[Verdict]:
        """Returns the number of claims of each verdict."""
        return Counter(claim.verdict for claim in self.claims)


@dataclass(frozen=True)
class _Shown:
    """A part as the templates take it."""

    part: Part
    exhibits: list[Exhibit]
    rows: list[list[str]]


@dataclass(frozen=True)
class _Head:
    """The sentence at the top of the page."""

    text: str
    notes: Sequence[str]
    tone: Literal["good", "mixed", "bad"] = "mixed"


def write_reproduction(
    folder: Path, parts: Sequence[Part], facts: Sequence[tuple[str, str]], notes: Sequence[str]
) -> tuple[Path, Path]:
    """Writes `report.html`, which needs nothing else, `report.md`, and the figures as SVG files for the latter.

    Args:
        folder: where they go.
        parts: in the paper's order.
        facts: what was run where, as names and values.
        notes: what holds for all of it.

    Returns:
        The paths of both pages.

    Raises:
        StorageError: a page cannot be written.
    """
    drawings = folder / "figures"
    make_folder(drawings)
    shown: list[_Shown] = []
    for part in parts:
        for drawing in part.drawings:
            save_figure(drawing.figure, drawings / f"{drawing.name}.svg")
        exhibits = [replace(exhibit(one.name, one.figure, one.caption), heading=one.heading) for one in part.drawings]
        shown.append(_Shown(part, exhibits, [claim.cells() for claim in part.claims]))
    known = {
        "name": "The paper, rebuilt",
        "verdict": _Head(_verdict(parts), notes),
        "shown": shown,
        "facts_known": facts,
        "columns": COLUMNS,
        "version": __version__,
    }
    page = TEMPLATES.get_template("reproduction.html.j2").render(known)
    appendix = TEMPLATES.get_template("reproduction.md.j2").render(known)
    return write_page(folder / "report.html", page), write_page(folder / "report.md", appendix)


def _verdict(parts: Sequence[Part]) -> str:
    count = sum((part.count() for part in parts), Counter[Verdict]())
    return (
        f"Of {plural(sum(count.values()), 'claim')} of the paper, {count['agrees']} agree with what was found here, "
        f"{count['differs']} differ, {count['undecided']} cannot be decided by as little as was run, and "
        f"{count['not run']} were not run."
    )

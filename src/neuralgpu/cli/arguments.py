"""Arguments that several commands share."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.errors import UserError, shown
from neuralgpu.seed_numbers import LARGEST_SEED

LONGEST_INPUT = 100_000
"""SYMBOL_LIMIT of the tasks, whose module would import NumPy for a help text."""

if TYPE_CHECKING:
    from neuralgpu.run_directory import RunDirectory


def whole_number(option: str, low: int, high: int, meaning: str) -> Any:
    """Declares an option that takes whole numbers from low to high and refuses others in one line."""

    def parse(given: str | int) -> int:  # the default value comes as a number
        text = str(given)
        number = int(text) if re.fullmatch("[+-]?[0-9]{1,20}", text) else None
        if number is None or not low <= number <= high:
            raise UserError(f"{option} takes a whole number from {low} to {high}, got {shown(text)}.")
        return number

    return typer.Option(option, parser=parse, metavar="N", help=f"{meaning} ({low} to {high}).")


def run_of(place: Path) -> "RunDirectory":
    """Opens a run directory or, where there is nothing of that name, a model that comes with the package.

    Raises:
        UserError: it is neither.
        DamagedRunError: the run's settings cannot be read.
    """
    from neuralgpu.run_directory import open_run
    from neuralgpu.shipped import find_shipped, shipped_names

    if not place.exists() and str(place) in shipped_names():
        return find_shipped(str(place))
    return open_run(place)


RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, as 'neuralgpu train' makes it.")]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Run directory, or the name of a model that 'neuralgpu models' lists.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line, on standard output.")]
TaskOption = Annotated[
    str | None, typer.Option("--task", metavar="TASK", help="What to ask; the task that the run was trained for.")
]
CountOption = Annotated[int, whole_number("--count", 1, 10_000_000, "Number of inputs")]
SeedOption = Annotated[int, whole_number("--seed", 0, LARGEST_SEED, "Decides what is drawn")]
AverageOption = Annotated[
    bool, typer.Option("--average", help="Average the predictions of all the seeds, instead of asking one by one.")
]
StepsOption = Annotated[
    int | None, whole_number("--steps", 1, 10_000_000, "Training steps at most; the preset's by default")
]

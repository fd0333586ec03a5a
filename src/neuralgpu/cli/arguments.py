"""Arguments that several commands share."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from neuralgpu.errors import UserError, shown

LONGEST_INPUT = 100_000
"""SYMBOL_LIMIT of the tasks, whose module would import NumPy for a help text."""
LARGEST_SEED = 2**31
MOST_SEEDS = 4096


def whole_number(option: str, low: int, high: int, meaning: str) -> Any:
    """Declares an option that takes whole numbers from low to high and refuses others in one line."""

    def parse(given: str | int) -> int:  # the default value comes as a number
        text = str(given)
        number = int(text) if re.fullmatch("[+-]?[0-9]{1,20}", text) else None
        if number is None or not low <= number <= high:
            raise UserError(f"{option} takes a whole number from {low} to {high}, got {shown(text)}.")
        return number

    return typer.Option(option, parser=parse, metavar="N", help=f"{meaning} ({low} to {high}).")


def seed_numbers(given: str, first: int) -> tuple[int, ...]:
    """Turns what `--seeds` takes into the numbers of seeds: how many from the first on, or ranges and single numbers.

    >>> seed_numbers("3", 5), seed_numbers("0..2,7", 0)
    ((5, 6, 7), (0, 1, 2, 7))

    Raises:
        UserError: it is neither, or too many.
    """
    parts = [re.fullmatch(r"(\d{1,10})(?:\.\.(\d{1,10}))?", part.strip()) for part in given.split(",")]
    ranges = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    if len(ranges) == len(parts) == 1 and ".." not in given:
        ranges = [(first, first + ranges[0][1] - 1)]
    elif first:
        raise UserError(f"--seeds {shown(given)} names the seeds itself; leave --seed out.")
    wrong = len(ranges) < len(parts) or any(not low <= high <= LARGEST_SEED for low, high in ranges)
    if wrong or sum(high - low + 1 for low, high in ranges) > MOST_SEEDS:
        raise UserError(
            f"--seeds takes a number from 1 to {MOST_SEEDS}, or ranges of seeds such as 0..14 or 3,7,20..29, "
            f"got {shown(given)}."
        )
    return tuple(number for low, high in ranges for number in range(low, high + 1))


RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, as 'neuralgpu train' makes it.")]
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

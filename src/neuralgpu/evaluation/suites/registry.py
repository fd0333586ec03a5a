"""Finds suites by name."""

from pathlib import Path

from neuralgpu.errors import unknown_name
from neuralgpu.evaluation.suites import carries, expressions, regular, sequences
from neuralgpu.evaluation.suites.file import FromFile
from neuralgpu.evaluation.suites.suite import Random, Suite
from neuralgpu.tasks import Task

_FILE = "file:"
_SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Random(),
        carries.Carry(),
        carries.CarryLow(),
        carries.CarryInside(),
        carries.CarryOverflow(),
        regular.LeadingZeros(),
        regular.Repeated(),
        regular.Power(),
        regular.Sparse(),
        regular.Palindromes(),
        regular.Equal(),
        regular.Nines(),
        regular.ZeroOne(),
        regular.Uneven(),
        regular.Alternating(),
        expressions.OneOperator(),
        expressions.Precedence(),
        expressions.Divisions(),
        expressions.Zeros(),
        sequences.AllEqual(),
        sequences.Sorted(),
        sequences.Descending(),
    )
}


def suite_names() -> list[str]:
    """Returns the names of all suites."""
    return list(_SUITES)


def suites_for(task: Task) -> list[Suite]:
    """Returns the suites that have inputs for a task."""
    return [suite for suite in _SUITES.values() if suite.fits(task)]


def find_suite(name: str) -> Suite:
    """Returns the suite of that name, or for 'file:PATH' the inputs of a file.

    Raises:
        UserError: no suite has that name, or the file cannot be used.
    """
    if name.startswith(_FILE):
        return FromFile(Path(name.removeprefix(_FILE)))
    if name not in _SUITES:
        raise unknown_name("suite", name, _SUITES, f"Allowed: {', '.join(_SUITES)}, file:PATH.")
    return _SUITES[name]

"""What a judgement found, read from its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.errors import DamagedRunError
from neuralgpu.judgement_record import (
    COUNTEREXAMPLES_FILE,
    ROWS_FILE,
    THRESHOLDS_FILE,
    ZEROS_FILE,
    JudgementRecord,
    read_judgement_record,
)
from neuralgpu.reporting.summary import Summary, summarise
from neuralgpu.rows import SUCCESS_BELOW, ResultRow, ThresholdRow, read_lines, read_rows, read_thresholds

_OF_A_COUNTEREXAMPLE = {"kind", "detail", "input", "target", "output", "length", "seeds", "found_by"}
_OF_ZEROS = {"seed", "averaged", "zeros", "pairs"}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A judgement as it was written down."""

    folder: Path
    record: JudgementRecord
    rows: list[ResultRow]
    thresholds: list[ThresholdRow]
    zeros: list[dict[str, Any]]
    """For each that answered, the pairs of single digits behind zeros, and whether each was right (Table 3)."""
    counterexamples: list[dict[str, Any]]
    """Smallest first."""

    @property
    def suites(self) -> dict[str, list[Summary]]:
        """What was found in each suite, in the order in which they were asked."""
        suites: dict[str, list[Summary]] = {row.suite: [] for row in self.rows}
        for summary in summarise(self.rows):
            suites[summary.suite].append(summary)
        return suites

    def thresholds_of(self, suite: str) -> list[ThresholdRow]:
        """Returns a suite's threshold of each that answered."""
        return [row for row in self.thresholds if row.suite == suite]


def read_judgement(folder: Path) -> Findings:
    """Reads the folder of a judgement.

    Raises:
        UserError: it is no judgement's.
        DamagedRunError: a file in it cannot be read.
    """
    return Findings(
        folder=folder,
        record=read_judgement_record(folder),
        rows=read_rows(folder / ROWS_FILE),
        thresholds=read_thresholds(folder / THRESHOLDS_FILE),
        zeros=_read(folder / ZEROS_FILE, _OF_ZEROS),
        counterexamples=_read(folder / COUNTEREXAMPLES_FILE, _OF_A_COUNTEREXAMPLE),
    )


def surely_above(row: ResultRow) -> bool:
    """Says whether the whole 95% interval lies above the paper's 1%."""
    return row.ci_low > SUCCESS_BELOW


def surely_below(row: ResultRow) -> bool:
    """Says whether the whole 95% interval lies below the paper's 1%."""
    return row.ci_high < SUCCESS_BELOW


def _read(path: Path, needed: set[str]) -> list[dict[str, Any]]:
    lines = read_lines(path)
    if not all(needed <= set(line) for line in lines):
        raise DamagedRunError(f"{path} holds a line that no judgement writes; judge again with --force.")
    return lines

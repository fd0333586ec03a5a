"""Result rows: the one form in which evaluation hands its findings to reports and figures."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from neuralgpu.errors import DamagedRunError


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """One measurement of one seed on one suite at one length."""

    run: str
    """Name of the run directory."""
    seed: int
    step: int
    """Training step of the checkpoint that was judged."""
    task: str
    layout: str
    suite: str
    length: int
    """Input length in symbols."""
    size: int | None = None
    """The suite's own size where it has one (carry length for 'carry')."""
    count: int
    """Number of inputs tried."""
    sequence_error: float
    """Share of inputs with at least one wrong symbol."""
    symbol_error: float
    """Share of wrong symbols."""
    ci_low: float
    """Lower end of the 95% Wilson interval of sequence_error."""
    ci_high: float
    """Upper end of that interval."""
    versions: dict[str, str]
    """Versions of neuralgpu, jax and python that measured."""

    def to_json(self) -> str:
        """Returns the row as one line of JSON."""
        return json.dumps(asdict(self))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads a JSON-lines log; a torn last line (the writer was killed) is left out.

    Raises:
        DamagedRunError: a line before the last is not a JSON object.
    """
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if number == len(lines):
            break  # empty after the final newline, or torn
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise DamagedRunError(f"{path}, line {number} is not a JSON object; remove that line to read the rest.")
        records.append(record)
    return records


def read_rows(path: Path) -> list[ResultRow]:
    """Reads every row of a results file.

    Raises:
        DamagedRunError: a record lacks a field or has one that is not ours.
    """
    names = {field.name for field in fields(ResultRow)}
    rows: list[ResultRow] = []
    for record in read_lines(path):
        if not names - {"size"} <= set(record) <= names:
            raise DamagedRunError(
                f"{path} holds a record that is not a result row; move the file away and evaluate again."
            )
        rows.append(ResultRow(**record))
    return rows


def append_rows(path: Path, rows: Iterable[ResultRow]) -> None:
    """Appends rows to a results file, creating it when missing."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(row.to_json() + "\n" for row in rows)

"""Result rows: the one form in which evaluation hands its findings to reports and figures."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, get_type_hints

from neuralgpu.disk import replace_file, sync_folder
from neuralgpu.errors import DamagedRunError, StorageError

SUCCESS_BELOW = 0.01
"""Sequence error below which a model has learned its task, in the paper's sense."""


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """One measurement of one model, of a seed or of the average of a run's seeds, on one suite at one length."""

    run: str
    """Name of the run directory; what is judged where that is no run of ours."""
    seed: int | None
    """None where the seeds answered together, and where what is judged is no run of ours."""
    averaged: int | None = None
    """Number of seeds whose predictions were averaged; None where one answered."""
    step: int | None
    """Training step of the checkpoint that was judged; None where what is judged is no run of ours."""
    task: str
    layout: str
    suite: str
    length: int
    """Input length in symbols."""
    size: int | None = None
    """The suite's own size where that is not the length (carry length for 'carry')."""
    count: int
    """Number of inputs tried."""
    planned: int | None = None
    """Number of inputs that would have been tried if the answer had not been certain before; None where all were."""
    sequence_error: float
    """Share of inputs with at least one wrong symbol."""
    symbol_error: float
    """Share of wrong symbols."""
    ci_low: float
    """Lower end of the 95% Wilson interval of sequence_error."""
    ci_high: float
    """Upper end of that interval."""
    first_wrong: float | None = None
    """Median over the wrong answers of the lowest wrong position, 0 for the least significant; None without any."""
    versions: dict[str, str]
    """Versions of neuralgpu, jax and python that measured."""

    def to_json(self) -> str:
        """Returns the row as one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, kw_only=True)
class ThresholdRow:
    """The size of a suite's inputs from which on one model fails."""

    run: str
    """As in a result row; so are seed, averaged, step, task and layout."""
    seed: int | None
    averaged: int | None = None
    step: int | None
    task: str
    layout: str
    suite: str
    size_name: str
    """What the size counts, such as 'carry length'."""
    size: int
    """The largest size that was tried."""
    threshold: int | None
    """The smallest size found at which at least half of the inputs are wrong; None where there was none."""
    below: int | None
    """The largest size below the threshold that was tried, at which less than half were wrong; None where none was."""
    count: int
    """Number of inputs tried at all sizes together."""
    versions: dict[str, str]

    def to_json(self) -> str:
        """Returns the row as one line of JSON."""
        return json.dumps(asdict(self))


Row = TypeVar("Row", ResultRow, ThresholdRow)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads a JSON-lines log; a torn last line (the writer was killed) is left out.

    Raises:
        DamagedRunError: the file cannot be read, or a line before the last is not a JSON object.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, a device read without end
            raise OSError(0, "it is no file")
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise DamagedRunError(f"{path} cannot be read ({error.strerror}); restore it from a copy.") from error
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if number == len(lines):
            break  # empty after the final newline, or torn
        records.append(read_line(line, path, number))
    return records


def read_line(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """Reads a line of a JSON-lines log.

    Args:
        line: what it holds.
        path: the log, for the message.
        number: the line's, counted from 1, for the message.

    Raises:
        DamagedRunError: the line is not a JSON object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested beyond Python's limits
        record = None
    if not isinstance(record, dict):
        raise DamagedRunError(f"{path}, line {number} is not a JSON object; remove that line to read the rest.")
    return record


def torn_warning(path: Path) -> str | None:
    """Returns what to say of a log whose last line is torn, None where it is whole or missing.

    Raises:
        DamagedRunError: the file cannot be read.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            torn = _ends_torn(file)
    except OSError as error:
        raise DamagedRunError(f"{path} cannot be read ({error.strerror}); restore it from a copy.") from error
    return f"The last line of {path} is torn: its writer was stopped in it. It is left out." if torn else None


def read_rows(path: Path) -> list[ResultRow]:
    """Reads every row of a results file.

    Raises:
        DamagedRunError: a record lacks a field, has one that is not ours, or does not say who answered.
    """
    return _rows(path, ResultRow)


def read_thresholds(path: Path) -> list[ThresholdRow]:
    """Reads every row of a file of thresholds.

    Raises:
        DamagedRunError: as in `read_rows`.
    """
    return _rows(path, ThresholdRow)


def _rows(path: Path, kind: type[Row]) -> list[Row]:
    records = read_lines(path)
    if not all(_is_row(record, kind) for record in records):
        raise DamagedRunError(f"{path} holds a record that is not a result row; move the file away and evaluate again.")
    return [kind(**record) for record in records]


def _is_row(record: Mapping[str, Any], kind: type[ResultRow] | type[ThresholdRow]) -> bool:
    kinds = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if not needed <= set(record) <= set(kinds):
        return False
    of_run, one = record["step"] is not None, record["seed"] is not None
    return one + (record.get("averaged") is not None) == of_run and all(
        isinstance(value, dict) if name == "versions" else isinstance(value, kinds[name])
        for name, value in record.items()
    )


def append_rows(path: Path, rows: Iterable[ResultRow]) -> None:
    """Appends rows to a results file, creating it when missing.

    Raises:
        StorageError: the disk refused.
    """
    append_lines(path, map(asdict, rows))


def append_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Appends records to a JSON-lines log, creating it when missing.

    A torn last line is removed first: continued, it would be a damaged one. The disk has the records on return.

    Raises:
        StorageError: the disk refused.
    """
    data = b"".join(map(_line, records))
    try:
        with path.open("ab+") as file:
            if _ends_torn(file):
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
            new = not file.seek(0, os.SEEK_END)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(path.parent)
    except OSError as error:
        free = f", {shutil.disk_usage(path.parent).free:,} free" if path.parent.is_dir() else ""
        raise StorageError(
            f"Cannot write to {path}: {error.strerror} ({len(data):,} bytes needed{free}); make room, then try again."
        ) from error


def replace_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Puts other records into the place of a JSON-lines log's; killed, it leaves the old ones or the new ones.

    Raises:
        StorageError: the disk refused.
    """
    try:
        replace_file(path, b"".join(map(_line, records)))
    except OSError as error:
        raise StorageError(f"Cannot write to {path}: {error.strerror}; make room, then try again.") from error


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _ends_torn(file: BinaryIO) -> bool:
    end = file.seek(0, os.SEEK_END)
    if not end:
        return False
    file.seek(end - 1)
    return file.read(1) != b"\n"

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralgpu.errors import DamagedRunError, StorageError
from neuralgpu.rows import (
    ResultRow,
    ThresholdRow,
    append_lines,
    append_rows,
    read_lines,
    read_rows,
    read_thresholds,
    replace_lines,
    torn_warning,
)

ROW = ResultRow(
    run="r",
    seed=1,
    step=200,
    task="badd",
    layout="padded",
    suite="random",
    length=25,
    count=32,
    sequence_error=0.25,
    symbol_error=0.03125,
    ci_low=0.13,
    ci_high=0.43,
    versions={"neuralgpu": "0.1.0"},
)


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    rows = [
        ROW,
        replace(ROW, seed=None, averaged=3),
        replace(ROW, seed=None, step=None, planned=64, first_wrong=7.5),
        replace(ROW, size=11, run="a\nb \N{GREEK SMALL LETTER ALPHA}", sequence_error=0.1 + 0.2),
    ]
    append_rows(tmp_path / "results.jsonl", rows[:1])
    append_rows(tmp_path / "results.jsonl", rows[1:])
    assert read_rows(tmp_path / "results.jsonl") == rows
    assert (tmp_path / "results.jsonl").read_text(encoding="utf-8") == "".join(row.to_json() + "\n" for row in rows)


@pytest.mark.parametrize("name", ["size", "averaged"])
def test_a_row_without_a_size_or_an_average_may_leave_it_out(tmp_path: Path, name: str) -> None:
    record = asdict(ROW)
    del record[name]
    append_lines(tmp_path / "results.jsonl", [record])
    assert read_rows(tmp_path / "results.jsonl") == [ROW]


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "results.jsonl") == []


def test_a_torn_last_line_is_left_out_wherever_it_is_torn(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    whole = f"{ROW.to_json()}\n".encode()
    for length in range(len(whole)):
        file.write_bytes(whole + whole[:length])
        assert read_rows(file) == [ROW]


def test_a_torn_line_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert torn_warning(file) is None
    for content, torn in ((b"", False), (b"{}\n", False), (b"{}\n{", True), (b"{}", True)):
        file.write_bytes(content)
        assert (
            torn_warning(file) == f"The last line of {file} is torn: its writer was stopped in it. It is left out."
        ) == torn
        assert (torn_warning(file) is None) != torn


def test_replaced_records_are_all_that_is_left(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    append_lines(file, [{"a": 1}, {"a": 2}])
    replace_lines(file, [{"b": 1.5}])
    assert read_lines(file) == [{"b": 1.5}]
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    with pytest.raises(StorageError, match="Cannot write to"):
        replace_lines(tmp_path / "missing" / "events.jsonl", [])


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    with pytest.raises(DamagedRunError, match="it is no file"):
        read_lines(tmp_path / "events.jsonl")


def test_appending_after_a_torn_line_replaces_it(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    for torn in (ROW.to_json(), ROW.to_json()[:40], '{"'):
        file.write_text(f"{ROW.to_json()}\n{torn}", encoding="utf-8")
        append_rows(file, [replace(ROW, step=400)])
        assert [row.step for row in read_rows(file)] == [200, 400]
    file.write_text(torn, encoding="utf-8")
    append_rows(file, [ROW])
    assert read_rows(file) == [ROW]


@pytest.mark.parametrize("line", [b"{", b"[]", b"1", b"", b"\xff", b"[" * 100_000, b'{"a": 1} {"b": 2}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"event": "start"}\n' + line + b'\n{"event": "finish"}\n')
    with pytest.raises(DamagedRunError, match=r"events\.jsonl, line 2 is not a JSON object; remove that line"):
        read_lines(file)


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"seed": "1"},
        {"seed": None},
        {"averaged": 2},
        {"seed": None, "averaged": "2"},
        {"length": 2.5},
        {"sequence_error": None},
        {"size": "11"},
        {"versions": []},
    ],
)
def test_a_foreign_record_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    append_lines(tmp_path / "results.jsonl", [asdict(ROW), {**asdict(ROW), **change}])
    with pytest.raises(DamagedRunError, match="not a result row; move the file away and evaluate again"):
        read_rows(tmp_path / "results.jsonl")


@pytest.mark.parametrize("name", sorted(set(asdict(ROW)) - {"size", "averaged", "planned", "first_wrong"}))
def test_a_record_that_lacks_a_field_is_refused(tmp_path: Path, name: str) -> None:
    record = asdict(ROW)
    del record[name]
    append_lines(tmp_path / "results.jsonl", [record])
    with pytest.raises(DamagedRunError):
        read_rows(tmp_path / "results.jsonl")


def test_a_log_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(DamagedRunError, match="cannot be read"):
        read_lines(tmp_path)
    with pytest.raises(StorageError, match="Cannot write to"):
        append_rows(tmp_path, [ROW])
    with pytest.raises(StorageError, match="Cannot write to"):
        append_rows(tmp_path / "missing" / "results.jsonl", [ROW])


LINES = st.lists(st.binary(max_size=20) | st.sampled_from([ROW.to_json().encode(), b'{"seed": 1}']), max_size=4)


@given(LINES, st.booleans())
@settings(deadline=None)
def test_any_bytes_are_rows_or_damaged(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bool) -> None:
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n" * end)
    try:
        rows = read_rows(file)
    except DamagedRunError:
        return
    assert all(json.loads(row.to_json()) == asdict(ROW) for row in rows)


def test_thresholds_come_back_as_they_went(tmp_path: Path) -> None:
    rows = [
        ThresholdRow(
            run="r",
            seed=seed,
            step=step,
            task="badd",
            layout="padded",
            suite="carry",
            size_name="carry length",
            size=199,
            threshold=threshold,
            below=7,
            count=320,
            versions={"neuralgpu": "0.1.0"},
        )
        for seed, step, threshold in ((1, 200, 8), (None, None, None))
    ]
    append_lines(tmp_path / "thresholds.jsonl", map(asdict, rows))
    assert read_thresholds(tmp_path / "thresholds.jsonl") == rows
    append_rows(tmp_path / "thresholds.jsonl", [ROW])
    with pytest.raises(DamagedRunError):
        read_thresholds(tmp_path / "thresholds.jsonl")

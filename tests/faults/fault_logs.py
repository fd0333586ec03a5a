"""Logs whose writer was stopped in the middle of a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuralgpu.config import RunConfig
from neuralgpu.rows import ResultRow, append_lines, read_lines
from neuralgpu.run_directory import RunDirectory, create_run

from .processes import run as run_program
from .registry import Outcome, fault

ROW = ResultRow(
    run="run",
    seed=0,
    step=2,
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
RECORDS: dict[str, Mapping[str, Any]] = {
    "events.jsonl": {"event": "learned", "step": 2, "time": 1.5, "seed": 0, "note": "\N{GREEK SMALL LETTER ALPHA}\n"},
    "results.jsonl": asdict(ROW),
    "examples.jsonl": {
        "suite": "random",
        "length": 5,
        "seed": 0,
        "step": 2,
        "input": "1+1",
        "target": "10",
        "output": "10",
    },
}
_COMMANDS = 50
"""One trial in so many goes through the command line."""


@fault(
    10,
    "the last line of a log is torn, at every byte",
    "the lines before it are read, a warning names the log, the next line or a resume repairs it",
    short=100,
    full=2000,
)
def torn_logs(trials: int, folder: Path) -> Outcome:
    run = create_run(folder / "run", RunConfig(task="badd"), force=False)
    torn = [(run.path / name, length) for name in RECORDS for length in range(1, _length(name))]
    chosen = torn[:: max(1, len(torn) // trials)]
    lost, undetected, commands = 0, 0, 0
    for number, (log, length) in enumerate(chosen):
        record = RECORDS[log.name]
        log.unlink(missing_ok=True)
        append_lines(log, [record, record])
        with log.open("r+b") as file:
            file.truncate(_length(log.name) + length)
        warned = run.torn_logs()
        lost += read_lines(log) != [record]
        undetected += len(warned) != 1 or str(log) not in warned[0]
        if number % _COMMANDS == 0:
            commands += 1
            ended = run_program(folder, "report", run.path)
            undetected += ended.status != 0 or str(log) not in ended.err
        undetected += not _repaired(run, log, resumed=number % 2 == 0 and log == run.events_file)
        log.unlink()
    note = f"{commands} of them through the command line"
    return Outcome(len(chosen), lost, undetected, note)


def _length(name: str) -> int:
    return len(_line(RECORDS[name]))


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _repaired(run: RunDirectory, log: Path, *, resumed: bool) -> bool:
    """Goes on with a log and says whether it holds what it should then."""
    record = RECORDS[log.name]
    if resumed:
        run.forget_events_after(2)
        return log.read_bytes() == _line(record)
    append_lines(log, [record])
    return log.read_bytes() == 2 * _line(record)

"""Sweeps without Ray, in this process."""

import json
from pathlib import Path

import pytest

from neuralgpu.cluster.here import STOPPED, sweep_here
from neuralgpu.errors import UserError
from neuralgpu.rows import read_lines

VALUES = {
    "tasks": ["badd"],
    "preset": "classic",
    "channels": [4],
    "seeds": "2",
    "steps": 8,
    "settings": {
        "epoch": 4,
        "batch": 2,
        "model": {"layers": 1, "copies": 1},
        "curriculum": {"buckets": [8], "max_length": 8, "start_length": 8},
    },
    "evaluate": {"task": "baddz", "lengths": [7, 9], "count": 16, "every": 3, "every_count": 4},
    "job": {"seeds": 1, "memory": "1GB"},
}
"""Two jobs with looks at steps 3 and 6, the first of them within an epoch."""


def test_a_stopped_sweep_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    ended = sweep_here(whole, VALUES, lambda standing, changed: None, lambda: False)
    assert (ended.reason, ended.rows) == ("", 12)
    rows = read_lines(whole / "results.jsonl")
    assert [(row["run"], row["step"], row["length"], row["count"], row["task"]) for row in rows] == [
        (f"badd-classic-4/{seed}", step, length, count, "baddz")
        for seed in range(2)
        for step, count in ((3, 4), (6, 4), (8, 16))
        for length in (7, 9)
    ]
    asked = [0]

    def soon() -> bool:
        asked[0] += 1
        return asked[0] > 5

    stopped = sweep_here(parts, VALUES, lambda standing, changed: None, soon)
    assert stopped.reason == STOPPED
    assert stopped.rows < 12
    for _ in range(20):
        asked[0] = 0
        if not sweep_here(parts, VALUES, lambda standing, changed: None, soon).reason:
            break
    assert (parts / "results.jsonl").read_bytes() == (whole / "results.jsonl").read_bytes()

    before = {path: path.stat().st_mtime_ns for path in parts.rglob("finished.json")}
    again = sweep_here(parts, VALUES, lambda standing, changed: None, lambda: False)
    assert again.standing.count()["done"] == 2
    assert {path: path.stat().st_mtime_ns for path in parts.rglob("finished.json")} == before

    changed = json.loads(json.dumps({**VALUES, "steps": 9}))
    with pytest.raises(UserError, match="it differs in steps; begin another sweep with another --out"):
        sweep_here(parts, changed, lambda standing, changed: None, lambda: False)

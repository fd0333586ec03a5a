"""The benchmarks run and print what they promise; what they measure at these sizes means nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import neuralgpu
from neuralgpu.tasks import find_task, task_names

FOLDER = Path(__file__).parents[1] / "benchmarks"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1])}


def measured(name: str, *options: object) -> list[dict[str, Any]]:
    """Returns the JSON lines of a benchmark."""
    command = [sys.executable, FOLDER / name, *map(str, options), "--rounds", "1", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert "Traceback" not in ended.stderr, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def test_making_inputs_is_timed_for_every_kind_of_task() -> None:
    found = measured("data_time.py", "--channels", 3, "--length", 9, "--batch", 2, "--seeds", 1)
    assert {find_task(record["task"]).operation for record in found} == {find_task(n).operation for n in task_names()}
    for record in found:
        assert record["share"] == pytest.approx(record["data_seconds"] / record["step_seconds"])


@pytest.mark.slow
def test_memory_is_analysed_for_every_strategy() -> None:
    found = measured("memory.py", "--channels", 3, "--lengths", 9, "--batch", 8, "--longest", 0)
    needed = {record["strategy"]: record["bytes"] for record in found}
    assert list(needed) == ["store", "step", "sqrt", *(f"treeverse:{k}" for k in (64, 16, 8, 4)), "step/8"]
    assert needed["store"] > needed["step"] > needed["treeverse:4"]

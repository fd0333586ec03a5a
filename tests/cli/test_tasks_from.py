"""Tasks of one's own: the example of the documentation, and files that hold none."""

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import ENVIRONMENT, PROGRAM, RunCli

EXAMPLE = Path(__file__).parents[2] / "examples" / "parity.py"


def run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own: what a file adds stays in the process."""
    command = [*PROGRAM, "--tasks-from", str(EXAMPLE), *map(str, arguments)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stderr
    return ended


def test_the_example_can_be_sampled_and_is_held_to_its_oracle() -> None:
    lines = run("sample", "parity", "--length", 12, "--count", 20, "--json").stdout.splitlines()
    for record in map(json.loads, lines):
        odd = 0
        for symbol, answer in zip(record["input"], record["target"], strict=True):
            odd ^= int(symbol)
            assert int(answer) == odd


def test_the_example_can_be_learned_and_asked(tmp_path: Path) -> None:
    tiny = ["--steps", 4, "--set", "model.channels=4", "--set", "curriculum.buckets=[8]"]
    tiny += ["--set", "curriculum.max_length=8", "--set", "curriculum.start_length=8"]
    run("train", "parity", *tiny, "--out", tmp_path / "run")
    asked = run("solve", tmp_path / "run", "110100")
    assert len(asked.stdout.strip()) <= 6
    assert asked.stderr.startswith(("right", "wrong: it should be 100111"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "is not a Python file; give one with a class of a task."),
        ("x = 1", "holds no class of a task with members; see the page 'Write your own task'."),
        ("1 / 0", "cannot be run: ZeroDivisionError: division by zero."),
        (
            "from neuralgpu.tasks.sequences import Copy\nclass Mine(Copy): pass",
            "holds the task 'bcopy', but there is one",
        ),
    ],
)
def test_files_without_tasks_are_refused(run_cli: RunCli, tmp_path: Path, source: str | None, message: str) -> None:
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_text(source, encoding="utf-8")
    assert message in run_cli("--tasks-from", path, "tasks").error

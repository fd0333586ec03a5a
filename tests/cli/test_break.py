"""What `neuralgpu break` prints and writes."""

import shutil
from pathlib import Path

import pytest

from neuralgpu.rows import read_lines
from neuralgpu.tasks import find_task

from .conftest import RunCli

FEW = ("--most-tries", 150, "--longest", 9, "--seconds", 600)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be written to."""
    return shutil.copytree(trained, tmp_path / "run")


def test_counterexamples_are_shown_kept_and_asked_again(run_cli: RunCli, run: Path) -> None:
    ended = run_cli("break", run, *FEW)
    assert ended.status == 0
    file = run / "counterexamples.jsonl"
    records = read_lines(file)
    assert [record["length"] for record in records] == sorted(record["length"] for record in records)
    task = find_task("badd")
    for record in records:
        assert record["task"] == "badd" and record["step"] == 60 and record["averaged"] is None
        assert record["seed"] == record["seeds"][0]
        assert record["target"] == task.solve(record["input"])
        assert task.plain(record["output"]) != task.plain(record["target"])
    assert ended.out.split()[:4] == ["Kind", "Kept", "Symbols", "Smallest"]
    assert f"{records[0]['input']}   (seed" in ended.out
    assert "150 inputs were tried." in ended.out
    assert f"Next: neuralgpu evaluate {run} --suite file:{file}" in ended.err
    first = file.read_bytes()

    assert "is there already; replace it with --force" in run_cli("break", run, *FEW).error
    again = run_cli("break", run, *FEW, "--force", "--json")
    assert (again.status, file.read_bytes()) == (0, first)
    assert again.out.encode() == first

    asked = run_cli("evaluate", run, "--suite", f"file:{file}", "--json")
    assert asked.status == 0
    assert len(asked.out.splitlines()) == 2 * len({record["length"] for record in records})


def test_seeds_are_searched_together_and_elsewhere_written(run_cli: RunCli, run: Path, tmp_path: Path) -> None:
    ended = run_cli("break", run, *FEW, "--average", "--out", tmp_path / "found.jsonl", "--task", "baddz", "--keep", 1)
    assert ended.status == 0
    records = read_lines(tmp_path / "found.jsonl")
    assert {(record["task"], record["seed"], record["averaged"]) for record in records} <= {("baddz", None, 2)}
    assert len({record["kind"] for record in records}) == len(records)
    assert not (run / "counterexamples.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seconds", "0"), "--seconds takes a whole number from 1 to 1000000, got '0'."),
        (("--most-tries", "many"), "--most-tries takes a whole number from 1 to "),
        (("--longest", "2"), "'badd' has no inputs of 2 symbols or fewer; use a larger --longest."),
        (("--out", "nowhere/found.jsonl"), "nowhere/found.jsonl cannot be written: it is a folder, or lies in none"),
        (("--task", "bad"), "There is no task 'bad'."),
    ],
)
def test_what_cannot_be_used_is_refused(run_cli: RunCli, run: Path, options: tuple[str, ...], said: str) -> None:
    ended = run_cli("break", run, *options)
    assert ended.status == 2
    assert said in ended.error
    assert not (run / "counterexamples.jsonl").exists()


def test_there_has_to_be_a_run(run_cli: RunCli, tmp_path: Path) -> None:
    ended = run_cli("break", tmp_path / "none")
    assert ended.status == 2
    assert "There is no run directory" in ended.error

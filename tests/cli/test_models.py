"""neuralgpu models, and the commands that take a shipped model's name."""

import json
from pathlib import Path

import pytest

from .conftest import RunCli


def test_each_is_listed_with_its_verdict(run_cli: RunCli) -> None:
    listed = run_cli("models")
    records = [json.loads(line) for line in run_cli("models", "--json").out.splitlines()]
    assert [record["task"] for record in records] == [record["name"] for record in records]
    for record in records:
        assert f"\n    {record['verdict']}\n" in listed.out
        assert run_cli("models", record["name"]).out.startswith(
            f"# {record['name']}: judgement\n\n**{record['verdict']}**"
        )


def test_one_is_asked_and_a_run_of_its_name_comes_first(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run_cli("solve", "badd", "1111111111111111+1")
    assert (answer.status, answer.out, answer.err) == (0, "10000000000000000\n", "right\n")
    (tmp_path / "badd").mkdir()
    assert "is not a run directory" in run_cli("solve", "badd", "1+1").error


def test_one_is_judged_by_the_name_of_its_task(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--suite", "random", "--suite", "carry-low", "--longest", 25, "--count", 8, "--seconds", 0)
    ended = run_cli("judge", "badd", *asked)
    assert ended.status == 0 and ended.out.startswith("Correct on random inputs up to length 25")
    assert (tmp_path / "judgements" / "badd-badd" / "report.html").exists()


def test_a_copy_is_a_run(run_cli: RunCli, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    assert run_cli("models", "badd", "--copy", run).out == f"{run}\n"
    rows = [
        json.loads(line) for line in run_cli("evaluate", run, "--length", 25, "--count", 8, "--json").out.splitlines()
    ]
    assert [row["sequence_error"] for row in rows] == [0.0]
    assert run_cli("checkpoint", "verify", run).status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("models", "bad"), "There is no shipped model 'bad'. Did you mean 'badd'?"),
        (("models", "--copy", "x"), "Say which model to copy to x: neuralgpu models NAME --copy x."),
        (("judge", "bmul2"), "There is no task 'bmul2'."),
        (("judge", "sort"), "Give --run RUN for a run's models, or --model SPEC for another model."),
        (("evaluate", "badd"), "There is no run directory badd"),
    ],
)
def test_what_cannot_be_is_refused(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run_cli(*arguments)
    assert ended.status == 2 and message in ended.error

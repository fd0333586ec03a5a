"""What each command prints and writes."""

import json
import platform
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.errors import UserError
from neuralgpu.evaluation.questions import DEFAULT_CARRIES, DEFAULT_LENGTHS, questions
from neuralgpu.rows import ResultRow, read_lines, read_rows
from neuralgpu.tasks import find_task, task_names

from .conftest import Ended, RunCli


def parsed(ended: Ended) -> list[dict[str, Any]]:
    """Returns the objects on standard output, which holds nothing else."""
    assert ended.status == 0
    records = [json.loads(line) for line in ended.out.splitlines()]
    assert all(isinstance(record, dict) for record in records)
    return records


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be written to."""
    return shutil.copytree(trained, tmp_path / "run")


def test_training_leaves_a_run(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == ["checkpoints", "config.toml", "events.jsonl", "lock"]
    assert sorted(path.name for path in (trained / "checkpoints").iterdir()) == ["00000058", "00000060"]
    start, *others = read_lines(trained / "events.jsonl")
    assert (start["event"], start["step"], start["task"], start["seeds"]) == ("start", 0, "badd", [0, 1])
    assert start["command"].startswith("neuralgpu train badd --seeds 2")
    assert [(event["step"], event["seed"]) for event in others if event["event"] == "progress"] == [
        (step, seed) for step in range(2, 61, 2) for seed in (0, 1)
    ]
    assert (others[-1]["event"], others[-1]["step"]) == ("finish", 60)


def test_resuming_a_finished_run_changes_nothing(run_cli: RunCli, run: Path) -> None:
    def files() -> set[tuple[Path, bytes]]:
        return {(path, path.read_bytes()) for path in run.rglob("*") if path.is_file()}

    before = files()
    ended = run_cli("train", "--resume", run)
    assert (ended.status, ended.out) == (0, "")
    assert "has made all of its 60 steps." in ended.err
    assert {path.name for path, _ in files() ^ before} == set()


@pytest.mark.parametrize("name", task_names())
def test_sample_prints_sums_as_people_read_them(run_cli: RunCli, name: str) -> None:
    task = find_task(name)
    length = task.valid_lengths(7, 10)[0]
    records = parsed(run_cli("sample", name, "--length", length, "--count", 3, "--json"))
    assert len(records) == 3
    for record in records:
        assert list(record) == ["task", "length", "layout", "input", "target"]
        assert (record["task"], record["length"], record["layout"]) == (name, length, task.layout)
        assert record["target"] == task.solve(record["input"])
    plain = run_cli("sample", name, "--length", length, "--count", 3).out.splitlines()
    assert plain == [f"{record['input']} = {record['target']}" for record in records]


def test_sample_follows_its_seed(run_cli: RunCli) -> None:
    drawn = [run_cli("sample", "badd", "--length", 41, "--seed", seed).out for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_tasks_lists_all(run_cli: RunCli) -> None:
    records = parsed(run_cli("tasks", "--json"))
    assert [record["task"] for record in records] == task_names()
    for record in records:
        assert find_task(record["task"]).solve(record["input"]) == record["target"]
    header, *lines = run_cli("tasks").out.splitlines()
    assert header.split() == ["task", "operation", "base", "layout", "lengths", "example"]
    assert [line.split()[0] for line in lines] == task_names()
    assert all(len(line) < 110 for line in lines)


def test_tasks_lists_some(run_cli: RunCli) -> None:
    aligned = [record["task"] for record in parsed(run_cli("tasks", "b*e", "--json"))]
    assert aligned == ["badde", "bsube", "bmule", "bdive", "breverse"]
    assert {record["operation"] for record in parsed(run_cli("tasks", "division", "--json"))} == {"division"}
    assert run_cli("tasks", "divison").error.startswith("There is no task 'divison'. Did you mean ")
    assert "Give a pattern, or one of: addition, subtraction, " in run_cli("tasks", "zzz").error


def test_doctor(run_cli: RunCli) -> None:
    [found] = parsed(run_cli("doctor", "--json"))
    assert {"device", "cores", "memory_gb", "versions"} <= set(found)
    assert found["memory_gb"] > 0
    assert found["versions"]["python"] == platform.python_version()
    assert set(found["versions"]) == {"neuralgpu", "jax", "python", "equinox", "optax", "numpy"}
    plain = run_cli("doctor").out
    assert all(f"{version}\n" in plain for version in found["versions"].values())


@pytest.mark.parametrize(
    ("name", "lengths"),
    [("badd", DEFAULT_LENGTHS), ("dup", (24, 40, 100, 200, 400)), ("3mul", (23, 41, 101, 200, 401))],
)
def test_lengths_that_a_task_lacks_are_replaced_by_shorter_ones(name: str, lengths: tuple[int, ...]) -> None:
    assert tuple(question.length for question in questions(find_task(name), None, "random", 3)) == lengths


def test_evaluate_prints_the_rows_that_it_keeps(run_cli: RunCli, run: Path) -> None:
    ended = run_cli("evaluate", run, "--length", 7, "--length", 9, "--count", 5, "--json")
    rows = [ResultRow(**record) for record in parsed(ended)]
    assert [(row.length, row.seed, row.suite, row.count, row.size) for row in rows] == [
        (length, seed, "random", 5, None) for length in (7, 9) for seed in (0, 1)
    ]
    assert {(row.run, row.step, row.task, row.layout) for row in rows} == {("run", 60, "badd", "padded")}
    assert read_rows(run / "results.jsonl") == rows
    assert ended.err.splitlines() == ["judge badd 5/10 random length 7", "judge badd 10/10 random length 9"]
    examples = read_lines(run / "examples.jsonl")
    assert {example["length"] for example in examples} == {7, 9}
    task = find_task("badd")
    assert all(task.solve(example["input"]) == example["target"] for example in examples)

    again = run_cli("evaluate", run, "--length", 9, "--suite", "carry", "--count", 5)
    assert again.status == 0
    [header, first, *_] = again.out.splitlines()
    assert header.split()[:3] == ["Suite", "Length", "Size"]
    assert first.split()[:3] == ["carry", "9", "3"]
    assert len(read_rows(run / "results.jsonl")) == 6
    assert read_rows(run / "results.jsonl")[:4] == rows
    assert f"Next: neuralgpu report {run}" in again.err


def test_a_model_is_asked_about_another_task(run_cli: RunCli, run: Path) -> None:
    [row, _] = parsed(run_cli("evaluate", run, "--task", "baddz", "--length", 7, "--count", 4, "--json"))
    assert (row["task"], row["layout"], row["length"]) == ("baddz", "unpadded", 7)
    assert {example["task"] for example in read_lines(run / "examples.jsonl")} == {"baddz"}
    solved = run_cli("solve", run, "1+10", "--task", "baddz")
    assert solved.err in {"right\n", "wrong: it should be 11\n"}
    refused = run_cli("evaluate", run, "--task", "badde", "--length", 5)
    assert (refused.status, refused.error) == (
        2,
        "'badde' needs 2 rows, model.height is 1; train with --set model.height=2.",
    )
    assert "Did you mean 'badd'" in run_cli("evaluate", run, "--task", "bad").error


def test_evaluation_follows_its_seed(run_cli: RunCli, run: Path) -> None:
    for seed in (3, 3, 4):
        assert run_cli("evaluate", run, "--length", 9, "--count", 5, "--seed", seed).status == 0
    inputs = [example["input"] for example in read_lines(run / "examples.jsonl")]
    third = len(inputs) // 3
    assert inputs[:third] == inputs[third : 2 * third] != inputs[2 * third :]


def test_a_damaged_checkpoint_is_passed_over_aloud(run_cli: RunCli, run: Path) -> None:
    file = run / "checkpoints" / "00000060" / "arrays.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    ended = run_cli("evaluate", run, "--length", 9, "--count", 5, "--json")
    assert {record["step"] for record in parsed(ended)} == {58}
    warning = f"neuralgpu: {file} is damaged: it differs from its SHA-256 in manifest.json. Using the checkpoint"
    assert ended.err.startswith(f"{warning} of step 58.\n")
    assert "Using the checkpoint of step 58" in run_cli("train", "--resume", run).err
    assert {record["step"] for record in parsed(run_cli("evaluate", run, "--length", 9, "--count", 5, "--json"))} == {
        60
    }


@pytest.mark.parametrize("log", ["events.jsonl", "results.jsonl", "examples.jsonl"])
def test_a_torn_log_is_told_of_and_repaired(run_cli: RunCli, run: Path, log: str) -> None:
    asked = ("evaluate", run, "--length", 9, "--count", 5, "--json")
    assert run_cli(*asked).err.count("torn") == 0
    whole = (run / log).read_bytes()
    warning = f"neuralgpu: The last line of {run / log} is torn: its writer was stopped in it. It is left out.\n"
    commands = {"events.jsonl": ("train", "--resume", run)}.get(log, asked)
    for command in (("report", run), commands):
        (run / log).write_bytes(whole + whole[:20])
        ended = run_cli(*command)
        assert ended.status == 0
        assert ended.err.startswith(warning)
    repaired = (run / log).read_bytes()
    assert repaired.startswith(whole)
    assert len(repaired.splitlines()) == len(read_lines(run / log))
    assert "torn" not in run_cli("report", run).err


def test_questions_of_an_addition_and_of_a_multiplication() -> None:
    asked = questions(find_task("badd"), None, None, 8)
    assert [question.length for question in asked if question.suite.name == "random"] == list(DEFAULT_LENGTHS)
    assert [question.size for question in asked if question.suite.name == "carry"] == list(DEFAULT_CARRIES)
    assert {question.suite.name for question in questions(find_task("bmul"), None, None, 8)} == {"random"}
    assert [question.length for question in questions(find_task("bmul"), [5, 9], "random", 8)] == [5, 9]
    with pytest.raises(UserError, match=r"^Suite 'carry' has no inputs for 'bmul' \(multiplication, padded\); "):
        questions(find_task("bmul"), None, "carry", 8)


def test_every_suite_of_a_task_can_be_asked(run_cli: RunCli) -> None:
    for task in ("badd", "mulz", "exprasmd", "sort"):
        listed = [record["suite"] for record in parsed(run_cli("suites", task, "--json"))]
        assert len(listed) > 3
        for suite in listed:
            asked = questions(find_task(task), None, suite, 8)
            assert len({question.size for question in asked}) == len(asked) > 1
            assert all(question.length <= 401 for question in asked)
        assert all(suite in run_cli("suites", task).out for suite in listed)


def test_inputs_kept_in_a_file_are_asked_again(run_cli: RunCli, run: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    file.write_text('{"input": "11+1"}\n{"input": "1+1"}\n{"input": "10+11"}\n', encoding="utf-8")
    rows = [ResultRow(**record) for record in parsed(run_cli("evaluate", run, "--suite", f"file:{file}", "--json"))]
    assert {(row.suite, row.length, row.count) for row in rows} == {(f"file:{file}", 3, 1), (f"file:{file}", 5, 2)}


def test_seeds_can_answer_together(run_cli: RunCli, run: Path) -> None:
    asked = ("evaluate", run, "--length", 9, "--count", 5, "--average")
    [row] = [ResultRow(**record) for record in parsed(run_cli(*asked, "--json"))]
    assert (row.seed, row.averaged, row.count) == (None, 2, 5)
    assert read_rows(run / "results.jsonl") == [row]
    assert "random, average of" in run_cli(*asked).out
    ended = run_cli("solve", run, "101+11", "--average")
    assert ended.err == ("right\n" if ended.out == "1000\n" else "wrong: it should be 1000\n")
    assert "--average asks all the seeds and --seed one" in run_cli("solve", run, "1+1", "--average", "--seed", 1).error


@pytest.mark.parametrize("seed", [None, 1])
def test_solve_says_whether_it_is_right(run_cli: RunCli, trained: Path, seed: int | None) -> None:
    ended = run_cli("solve", trained, "101+11", *(["--seed", seed] if seed is not None else []))
    assert ended.status == 0
    [answer] = ended.out.splitlines()
    assert re.fullmatch("[01_?]+", answer)
    assert ended.err == ("right\n" if answer == "1000" else "wrong: it should be 1000\n")


@pytest.mark.parametrize(("answer", "said"), [("0001000", "right\n"), ("0001010", "wrong: it should be 1000\n")])
def test_solve_compares_with_the_exact_answer(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, trained: Path, answer: str, said: str
) -> None:
    def answers(models: object, texts: list[str]) -> list[list[str]]:
        assert texts == ["101+11"]
        return [["other"], [answer]]

    monkeypatch.setattr("neuralgpu.evaluation.models.TrainedModels.answers", answers)
    ended = run_cli("solve", trained, "101+11", "--seed", 1)
    assert (ended.out, ended.err) == (f"{answer.lstrip('0')}\n", said)


def test_report_names_the_page(run_cli: RunCli, run: Path) -> None:
    ended = run_cli("report", run)
    assert (ended.status, ended.out, ended.err) == (0, f"{run / 'report.html'}\n", "")
    assert (run / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

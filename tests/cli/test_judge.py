"""neuralgpu judge: a faulty adder is found out, a run is judged, and what cannot be judged is refused in one line."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from neuralgpu.judgement_record import read_judgement_record
from neuralgpu.rows import read_lines, read_rows, read_thresholds

from .conftest import RunCli

FAULTY = Path(__file__).parents[2] / "examples" / "faulty_adder.py"
FEW = ("--count", 32, "--longest", 61)
CHAINS = ("--suite", "random", "--suite", "carry-low", "--suite", "leading-zeros")


def test_the_faulty_adder_is_found_out(run_cli: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "judgement"
    asked = ("judge", "add", "--model", f"python:{FAULTY}:add", "--out", folder, *FEW)
    ended = run_cli(*asked, "--json")
    assert ended.status == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    thresholds = {line["suite"]: (line["threshold"], line["size"]) for line in lines if "threshold" in line}
    assert [thresholds[suite][0] for suite in ("carry-low", "carry-inside", "carry-overflow")] == [8] * 3
    assert thresholds["palindromes"] == (None, 30)
    smallest = read_lines(folder / "counterexamples.jsonl")[0]
    assert (smallest["input"], smallest["target"]) == ("00000001+99999999", "00000000100000000")
    assert (smallest["kind"], smallest["output"]) == ("carry chain", "0" * 17)

    rows, kept = read_rows(folder / "rows.jsonl"), read_thresholds(folder / "thresholds.jsonl")
    assert [json.loads(row.to_json()) for row in (*rows, *kept)] == lines
    record = read_judgement_record(folder)
    assert (record.kind, record.task, record.seeds, record.step, record.device) == ("python", "add", [None], None, None)
    assert record.asked == sum(row.count for row in rows) + sum(
        one.count - sum(row.count for row in rows if row.suite == one.suite) for one in kept
    )
    [pairs] = read_lines(folder / "leading_zeros.jsonl")
    assert pairs["zeros"] == 29 and len(pairs["pairs"]) == 100 and all(right for _, _, right in pairs["pairs"])

    html, markdown = ((folder / f"report.{form}").read_text(encoding="utf-8") for form in ("html", "md"))
    (folder / "report.html").unlink()
    assert run_cli("report", folder).out == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").read_text(encoding="utf-8") == html
    assert (folder / "report.md").read_text(encoding="utf-8") == markdown

    assert run_cli(*asked).error == f"{folder} holds a judgement; replace it with --force, or choose another --out."
    before = (folder / "rows.jsonl").read_bytes()
    assert run_cli(*asked, "--force", "--json").out == ended.out
    assert (folder / "rows.jsonl").read_bytes() == before


def test_a_program_is_judged(run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = f"cmd:{sys.executable} {FAULTY} --binary"
    ended = run_cli("judge", "badd", "--model", program, *FEW, *CHAINS, "--json")
    assert ended.status == 0
    thresholds = [json.loads(line) for line in ended.out.splitlines() if '"threshold"' in line]
    assert [(one["suite"], one["threshold"], one["below"]) for one in thresholds][1:] == [
        ("carry-low", 8, 7),
        ("leading-zeros", None, 29),
    ]
    [folder] = (tmp_path / "judgements").iterdir()
    assert read_judgement_record(folder).kind == "cmd"


def test_a_run_is_judged(run_cli: RunCli, trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    ended = run_cli("judge", "--run", run, "--count", 8, "--longest", 11, *CHAINS)
    assert ended.status == 0
    assert "carry-low" in ended.out and str(run / "judgement") in ended.err
    record = read_judgement_record(run / "judgement")
    assert (record.kind, record.task, record.step, record.trained_seeds) == ("run", "badd", 60, record.seeds)
    counterexamples = run / "judgement" / "counterexamples.jsonl"
    again = run_cli("evaluate", run, "--suite", f"file:{counterexamples}", "--json")
    assert {json.loads(line)["sequence_error"] for line in again.out.splitlines()} == {1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sort",), "Give --run RUN for a run's models, or --model SPEC for another model."),
        (("--model", "python:x.py:f"), "Say which TASK to ask, such as 'badd'; 'neuralgpu tasks' lists them."),
        (("badd", "--model", f"python:{FAULTY}:add", "--average"), "--average takes the mean of a run's seeds"),
        (("badd", "--model", f"python:{FAULTY}:add", "--longest", 3, "--suite", "carry"), "has no inputs of 3 symbols"),
        (("badd", "--model", "nothing"), "nothing"),
        (("badd", "--model", f"python:{FAULTY}:subtract"), "subtract"),
        (("badd", "--run", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run_cli("judge", *arguments)
    assert ended.status == 2
    assert message in ended.error

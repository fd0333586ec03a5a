"""neuralgpu reproduce: everything at the scale smoke, stopped, killed, refused."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuralgpu.experiments import measuring
from neuralgpu.experiments.registry import EXPERIMENTS
from neuralgpu.rows import read_lines
from neuralgpu.run_directory import RunDirectory
from neuralgpu.tasks import find_task

from .conftest import ENVIRONMENT, RunCli, Start

WITHOUT_JAX = """
import sys
class Refuse:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] in {"jax", "jaxlib", "equinox", "optax", "ray"}:
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Refuse())
from neuralgpu.cli import main
main()
"""

VERDICT = re.compile(r"\| (agrees|differs|undecided|not run) \|")


def test_everything_is_wired(
    run_cli: RunCli, start_cli: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "XLA_FLAGS", "--xla_backend_optimization_level=0")
    out = tmp_path / "out"
    process = start_cli("reproduce", "all", "--scale", "smoke", "--out", out)
    said, err = process.communicate(timeout=600)
    assert (process.returncode, said) == (0, f"{out / 'report.html'}\n"), err
    text = (out / "report.md").read_text(encoding="utf-8")
    for experiment in EXPERIMENTS.values():
        assert f"## {experiment.title}" in text
    rows = [line.split(" | ") for line in text.splitlines() if VERDICT.search(line)]
    assert len(rows) > 80
    assert [row for row in rows if row[-2] == "not run" and row[-1].startswith("–")] == []
    drawn = {path.stem for path in (out / "figures").iterdir()}
    assert {"figure-2", "figure-5", "figure-6-left", "figure-7-1", "table-1", "table-3"} <= drawn
    assert all(path.suffix == ".svg" for path in (out / "figures").iterdir())
    log = read_lines(out / "log.jsonl")[0]
    assert log["command"] == f"neuralgpu reproduce all --scale smoke --out {out}"
    assert log["did"] == "measurement operations"

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}

    before, started = files(), time.monotonic()
    again = run_cli("reproduce", "all", "--out", out)
    assert time.monotonic() - started < 10
    assert again.err == "Nothing was missing, and the report is up to date.\n"
    assert files() == before

    # Drawing needs neither JAX nor Ray.
    command = [sys.executable, "-c", WITHOUT_JAX, "reproduce", "report", "--out", str(out), "--json"]
    drawing = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert drawing.returncode == 0, drawing.stderr
    records = [json.loads(line) for line in drawing.stdout.splitlines()]
    assert {record["experiment"] for record in records} == set(EXPERIMENTS)
    assert len(records) == len(rows)


def test_an_experiment_tells_its_claims(run_cli: RunCli, tmp_path: Path) -> None:
    ended = run_cli("reproduce", "table1", "--scale", "smoke", "--out", tmp_path / "out", "--json")
    assert ended.status == 0, ended.err
    claims = [json.loads(line) for line in ended.out.splitlines()]
    assert [(claim["experiment"], claim["verdict"]) for claim in claims] == [("table1", "agrees")] * 3
    assert [claim["paper"] for claim in claims] == ["0", "1", "2"]


def test_models_of_several_runs_are_measured_together(trained: Path) -> None:
    models = {"cell": measuring.models_of([RunDirectory(trained), RunDirectory(trained)])}
    told: list[str] = []
    rows = measuring.thresholds(models, "carry-low", 9, told.append)
    assert [row["seed"] for row in rows] == [0, 1, 0, 1]
    assert rows[:2] == rows[2:]
    found = measuring.regular(models, [3], [3], 4, told.append)
    assert [(line["suite"], line["averaged"], line["asked"]) for line in found] == [
        *([("leading-zeros", None, 4)] * 4 + [("repeated", None, 1)] * 4),
        ("leading-zeros", 4, 4),
        ("repeated", 4, 1),
    ]
    assert found[0]["wrong"] == sum(wrong for *_, wrong in found[0]["pairs"])
    [first, *_] = measuring.answers(models, ["11+10"], told.append)
    assert first["right"] == (first["answer"] == find_task("badd").solve("11+10"))
    assert told


def test_what_is_killed_or_stopped_goes_on(start_cli: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("reproduce", "fig7", "--scale", "smoke", "--out", out)

    def until_done(process: "subprocess.Popen[str]", job: str) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(f"{job} done"):
                return
        raise AssertionError(f"{job} was never done")

    killed = start_cli(*command)
    until_done(killed, "badde-classic-4/0")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    done = out / "sweeps" / "figure-7-addition" / "badde-classic-4" / "0" / "finished.json"
    before = done.stat().st_mtime_ns

    again = start_cli(*command)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "badde-classic-4/0 training" not in err
    assert "badd-classic-4/0 done" in err
    assert done.stat().st_mtime_ns == before
    rows = read_lines(out / "sweeps" / "figure-7-addition" / "results.jsonl")
    keys = [(row["run"], row["step"], row["length"]) for row in rows]
    assert len(keys) == len(set(keys)) == 8

    stopped = start_cli("reproduce", "fig5", "--scale", "smoke", "--out", out)
    assert stopped.stderr is not None
    for line in stopped.stderr:
        if "training" in line:
            stopped.send_signal(signal.SIGINT)
            break
    _, err = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, err
    assert f"Go on: neuralgpu reproduce fig5 --scale smoke --out {out}" in err


def test_a_dry_run_tells_the_cost_and_begins_nothing(run_cli: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = run_cli("reproduce", "fig6", "--scale", "paper", "--out", out, "--dry-run")
    assert (ended.status, ended.out, out.exists()) == (0, "", False)
    assert "1,166 trainings, 0 of them done." in ended.err
    assert re.search(r"at most \d+,\d+ hours on two cores, [\d,]+ hours on one GPU", ended.err)
    lines = [
        json.loads(line)
        for line in run_cli("reproduce", "all", "--scale", "laptop", "--dry-run", "--json").out.splitlines()
    ]
    hours = sum(line["hours"].get("two cores", 0) for line in lines)
    assert 1 < hours < 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig9"], "There is no experiment 'fig9'. Did you mean 'fig"),
        (
            ["fig2", "--scale", "papers"],
            "There is no scale 'papers'. Did you mean 'paper'? Allowed: laptop, paper, smoke.",
        ),
        (["fig2", "--out", "."], ". is there already and is no reproduction; choose another --out."),
        (["fig2", "--out", "file"], "file is there already and is no reproduction; choose another --out."),
        (["report", "--out", "empty"], "empty holds no reproduction; 'neuralgpu reproduce all --out empty' makes one."),
        (["report", "--out", "smoke", "--dry-run"], "report runs nothing; leave --dry-run and --address out."),
        (
            ["fig2", "--out", "smoke", "--scale", "laptop"],
            "smoke holds the scale 'smoke', not 'laptop'; leave --scale out",
        ),
        (["fig4", "--out", "smoke", "--address", "nonsense"], "--address takes HOST:PORT"),
        (["report", "--out", "damaged"], "damaged/reproduction.json cannot be read"),
    ],
)
def test_what_is_not_possible_is_refused(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("smoke", '{"scale": "smoke"}'), ("damaged", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reproduction.json").write_text(text, encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = run_cli("reproduce", *arguments)
    assert ended.status in (2, 3)
    assert message in ended.err.splitlines()[-1]

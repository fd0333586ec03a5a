import io
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from neuralgpu.cli.sweep_table import standing_view, summary_line
from neuralgpu.cluster.directory import SweepDirectory, create_sweep
from neuralgpu.cluster.packing import Machine, packed
from neuralgpu.cluster.spec import grid, sweep_spec
from neuralgpu.cluster.standing import Standing
from neuralgpu.cluster.sweep import planned_here
from neuralgpu.rows import read_lines

from .conftest import ENVIRONMENT, RunCli

SPEC = 'tasks = ["badd"]\nchannels = [4, 5]\nseeds = "0..2"\nsteps = 20\n[job]\nmemory = "1GB"\ncpus = 1\nseeds = 2\n'


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def test_a_dry_run_shows_the_jobs_and_begins_nothing(
    run_cli: RunCli, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run_cli("sweep", spec, "--dry-run")
    assert (ended.status, ended.err) == (0, "")
    head, *cells, summary = ended.out.splitlines()
    assert head.split()[:6] == ["Jobs", "Seeds", "Steps", "Cores", "GPUs", "Memory"]
    assert [line.split()[:8] for line in cells] == [
        ["2", "x", f"badd-fast-{size}", "1+2", "20", "1", "0", "1"] for size in (4, 5)
    ]
    assert summary.startswith("6 seeds in 4 jobs on 1 machine with ")
    assert list(tmp_path.iterdir()) == [spec]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give a SPEC.toml, such as examples/sweep.toml, or --resume with the directory of a sweep."),
        (["--dry-run"], "Give a SPEC.toml"),
        (["missing.toml"], "Cannot read the settings file missing.toml"),
        (["--resume", "nowhere"], "nowhere is not a sweep: it has no plan.json."),
        (["--resume", "a", "--out", "b"], "--resume names the sweep's directory; leave --out out."),
        (["SPEC", "--out", "."], "is there already and is not a sweep; choose another --out."),
        (["SPEC", "--out", "new", "--address", "nonsense"], "--address takes HOST:PORT"),
        (["SPEC", "--out", "new", "--address", "127.0.0.1:1"], "No cluster answers at 127.0.0.1:1"),
    ],
)
def test_what_is_not_possible_is_refused(
    run_cli: RunCli, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run_cli("sweep", *[spec if argument == "SPEC" else argument for argument in arguments])
    assert ended.status == 2
    assert message in ended.error
    assert not (tmp_path / "new" / "plan.json").exists()


def test_more_memory_than_the_machine_has_is_refused(run_cli: RunCli, spec: Path, tmp_path: Path) -> None:
    spec.write_text(SPEC.replace("1GB", "900TB"), encoding="utf-8")
    ended = run_cli("sweep", spec, "--out", tmp_path / "new")
    assert ended.status == 2
    assert ended.error.startswith("No machine has what badd-fast-4/0 asks for, 1 core and 900 TB (")
    assert not (tmp_path / "new").exists()


def test_without_ray_the_remedy_is_named(spec: Path, tmp_path: Path) -> None:
    program = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "ray" else find(name, *rest)
from neuralgpu.cli import main
main()
"""
    command = [sys.executable, "-c", program, "sweep", str(spec), "--out", str(tmp_path / "new")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert ended.returncode == 2
    assert ended.stderr == (
        "neuralgpu: A sweep runs on Ray, which is not installed here; pip install 'neuralgpu[cluster]'.\n"
    )
    assert not (tmp_path / "new").exists()


def test_the_table_shows_what_matters_first() -> None:
    values = {"tasks": ["badd"], "seeds": 30, "job": {"seeds": 1}}
    jobs = packed(grid(sweep_spec(values)), [Machine("here", 2, 0, 10**10)], sweep_spec(values).job)
    standing = Standing(jobs, [jobs[0].name])
    standing.update(
        {"job": jobs[20].name, "state": "training", "step": 1500, "steps": 8000, "host": "far", "attempt": 3}
    )
    standing.update({"job": jobs[25].name, "state": "failed", "error": "its disk is full"})
    standing.update({"notice": "waiting for a machine"})
    assert summary_line(standing) == "30 jobs: 1 done, 1 training, 27 waiting, 1 failed"
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(standing_view(standing, 4))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[1].split() == [jobs[25].name, "failed", "its", "disk", "is", "full"]
    assert lines[2].split() == [jobs[20].name, "training", "1,500", "of", "8,000", "far", "2"]
    assert lines[5:] == ["and 26 more", summary_line(standing), "waiting for a machine"]


@pytest.fixture
def finished(tmp_path: Path, spec: Path) -> SweepDirectory:
    """A sweep all of whose jobs are done, by hand."""
    jobs, _ = planned_here(spec)
    directory = create_sweep(tmp_path / "sweep", tomllib.loads(SPEC), jobs, [])
    for job in jobs:
        directory.run(job.name).path.mkdir(parents=True)
        directory.run(job.name).results_file.write_text('{"run": "0", "seed": 0}\n', encoding="utf-8")
        directory.finish(job.name)
    return directory


def test_a_sweep_that_is_done_is_merged_again(run_cli: RunCli, spec: Path, finished: SweepDirectory) -> None:
    for again in (["--resume", finished.path], [spec, "--resume", finished.path]):
        ended = run_cli("sweep", *again)
        assert (ended.status, ended.out) == (0, "")
        assert ended.err == f"4 of 4 jobs are done; {finished.results_file} holds their 4 rows.\n"
        assert len(read_lines(finished.results_file)) == 4


def test_a_changed_spec_is_not_gone_on_with(run_cli: RunCli, spec: Path, finished: SweepDirectory) -> None:
    spec.write_text(SPEC.replace("steps = 20", "steps = 21").replace("4, 5", "4, 6"), encoding="utf-8")
    ended = run_cli("sweep", spec, "--resume", finished.path)
    assert ended.status == 2
    assert "it differs in channels, steps; begin another sweep with another --out" in ended.error
    ended = run_cli("sweep", spec, "--out", finished.path)
    assert (
        ended.error
        == f"{finished.path} already holds a sweep; go on with --resume {finished.path}, or choose another --out."
    )


def test_one_process_drives_a_sweep(run_cli: RunCli, finished: SweepDirectory) -> None:
    command = f"""
import sys, pathlib
from neuralgpu.run_lock import locked
with locked(pathlib.Path({str(finished.path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        ended = run_cli("sweep", "--resume", finished.path)
        assert (ended.status, f"process {holder.pid}" in ended.error) == (5, True)
        holder.communicate("")

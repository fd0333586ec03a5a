"""A run followed from another process: while it is trained, after its owner was killed, and until it has ended."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from neuralgpu.cli import watch_display
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.run_directory import RunDirectory, create_run

from .conftest import TINY, RunCli, Start
from .terminal import on_a_terminal, plain
from .test_commands import parsed
from .test_interrupts import until

ONE_LINE_UP = "\x1b[1A"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A chain of two tasks with three seeds, which nobody trains any more."""
    chain = CurriculumConfig(tasks=("badd", "qadd"))
    config = RunConfig(task="qadd", seeds=(0, 1, 2), steps=400, epoch=100, curriculum=chain)
    made = create_run(tmp_path / "a run", config, force=False)
    made.append_event("start", 0)
    for step in (100, 200):
        for seed, task, error in ((0, "badd", 0.5), (1, "qadd", 0.25), (2, "badd", 0.75)):
            numbers = {"length": 9 + seed, "loss": 0.5, "sequence_error": error, "seconds": step / 10}
            made.append_event("progress", step, seed=seed, task=task, **numbers)
        if step == 100:
            made.append_event("solved", step, seed=1, task="badd")
    made.append_event("learned", 200, seed=1)
    made.append_event("diverged", 250, seed=2)
    return made


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Returns the next line of a process that matches a pattern."""
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if re.search(pattern, line):
            return line.rstrip("\n")
    raise AssertionError((seen, process.communicate()))


def test_a_run_is_followed_through_the_death_of_its_owner_to_its_end(
    tmp_path: Path, compiled_programs: Path, start_cli: Start
) -> None:
    run = tmp_path / "run"
    training = start_cli("train", *TINY, "--set", "steps=20000", "--out", run)
    until((run / "events.jsonl").exists, training)
    watching = start_cli("watch", run)
    read_until(watching, rf"run \(badd\) is being trained by process {training.pid} on {socket.gethostname()} since")
    epoch = re.compile(r"^\d+/20000  \d+ s ago  \N{LESS-THAN OR EQUAL TO}\d+:\d\d left  length 8  error \d+\.\d%$")
    read_until(watching, epoch.pattern)
    training.kill()
    line = read_until(watching, "stopped")
    told = re.fullmatch(rf"{run} \(badd\) stopped after step (\d+); nobody trains it any more\. Go on: (.*)", line)
    assert told is not None
    command = told[2].split()
    assert command == ["neuralgpu", "train", "--resume", str(run)]

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*probe.getsockname())
    resumed = start_cli(*command[1:], "--distributed", f"{address},1,0")
    read_until(watching, f"is being trained by process {resumed.pid}")
    gone_on_at = int(read_until(watching, epoch.pattern).split("/")[0])
    assert gone_on_at >= int(told[1]) - 2, "an epoch may have been told of whose end was not saved"
    resumed.send_signal(signal.SIGINT)
    read_until(watching, r"was interrupted at step \d+; nobody trains it now\. Go on: neuralgpu train --resume ")
    assert resumed.wait() == 130

    RunDirectory(run).append_event("finish", 20_000)
    assert read_until(watching, "finished") == f"{run} (badd) finished after 20,000 steps."
    assert (watching.wait(), watching.communicate()[1]) == (0, "")


def test_ctrl_c_leaves(run: RunDirectory, start_cli: Start) -> None:
    watching = start_cli("watch", run.path, cached=False)
    line = read_until(watching, "stopped after step 250")
    assert line.endswith(f"Go on: neuralgpu train --resume '{run.path}'"), "a path with a space is quoted"
    watching.send_signal(signal.SIGINT)
    assert (watching.wait(), watching.communicate()) == (130, ("", ""))


def test_a_finished_run_is_shown_and_left(run_cli: RunCli, trained: Path) -> None:
    ended = run_cli("watch", trained)
    assert (ended.status, ended.err) == (0, "")
    line, headline = ended.out.splitlines()
    assert re.fullmatch(r"60/60  \d+ (s|min|h) ago  length 8  error \d+\.\d%", line)
    assert headline == f"{trained} (badd) finished after 60 steps."


def test_a_run_whose_seeds_have_all_diverged_has_ended(run_cli: RunCli, run: RunDirectory) -> None:
    for seed in (0, 1):
        run.append_event("diverged", 300 + seed, seed=seed)
    ended = run_cli("watch", run.path)
    assert ended.status == 0
    assert ended.out.splitlines()[-1].endswith("diverged: from step 301 on the loss of no seed is finite.")


def test_once_shows_every_seed(run_cli: RunCli, run: RunDirectory) -> None:
    ended = run_cli("watch", run.path, "--once")
    assert (ended.status, ended.err) == (0, "")
    headline, bar, age, header, *seeds = (line.rstrip() for line in ended.out.splitlines())
    assert headline.startswith(f"{run.path} (badd > qadd) stopped after step 250; nobody trains it any more. Go on: ")
    assert bar.endswith("250/400")
    assert re.fullmatch(r"As of step 250, \d s ago\.", age)
    assert header.split() == ["seed", "step", "length", "loss", "error", "solved", "task"]
    assert [line.split() for line in seeds] == [
        ["0", "200", "9", "0.5000", "50.0%", "0", "of", "2", "badd"],
        ["1", "200", "10", "0.5000", "25.0%", "1", "of", "2", "qadd", "learned@200"],
        ["2", "200", "11", "0.5000", "75.0%", "0", "of", "2", "badd", "diverged@250"],
    ]


def test_once_before_the_first_event(run_cli: RunCli, tmp_path: Path) -> None:
    run = create_run(tmp_path / "new", RunConfig(task="badd"), force=False)
    lines = run_cli("watch", run.path, "--once").out.splitlines()
    assert lines[2].strip() == "No epoch has ended yet."
    assert lines[4].split() == ["0", "-", "-", "-", "-"]


def test_json_has_all_of_it(run_cli: RunCli, run: RunDirectory) -> None:
    [record] = parsed(run_cli("watch", run.path, "--once", "--json"))
    assert (record["state"], record["step"], record["sequence_error"]) == ("stopped", 250, 0.375)
    assert [seed["solved"] for seed in record["seeds"]] == [0, 1, 0]
    run.append_event("finish", 400)
    assert [json.loads(line)["state"] for line in run_cli("watch", run.path, "--json").out.splitlines()] == ["finished"]


def test_lines_tell_what_happened_to_single_seeds(
    run_cli: RunCli, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = iter([("restart", 300, 0), ("solved", 300, 1), ("learned", 350, 1), ("diverged", 360, 0)])

    def go_on(seconds: float) -> None:
        event = next(events, None)
        if event is None:
            run.append_event("finish", 400)
        else:
            run.append_event(event[0], event[1], seed=event[2])

    monkeypatch.setattr("neuralgpu.cli.watch.time.sleep", go_on)
    told = [line for line in run_cli("watch", run.path).out.splitlines() if line.startswith("step")]
    assert told == [
        "step 300: seed 0 starts over with new weights",
        "step 300: seed 1 has solved a task",
        "step 350: seed 1 has learned its longest training inputs",
        "step 360: seed 0 has diverged: its loss was no longer finite",
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_what_it_has_room_for(tmp_path: Path, columns: int) -> None:
    run = create_run(tmp_path / "run", RunConfig(task="badd", seeds=tuple(range(100)), steps=400), force=False)
    run.append_event("finish", 400)
    lines = on_a_terminal(columns, "watch", run.path)
    last_drawn = max(number for number, line in enumerate(lines) if ONE_LINE_UP in line)
    seen = [line for line in (plain(drawn.rpartition(ONE_LINE_UP)[2]) for drawn in lines[last_drawn:]) if line]
    assert max(map(len, seen)) <= columns
    assert len(seen) <= 24
    shown = 24 - watch_display._LINES_AROUND
    assert [line.split()[0] for line in seen if line.endswith("-  ")] == [str(seed) for seed in range(shown)]
    assert seen[-1].strip() == f"and {100 - shown} more seeds; --once shows all of them."


def test_what_is_no_run(run_cli: RunCli, run: RunDirectory, tmp_path: Path) -> None:
    assert run_cli("watch", tmp_path / "missing").error.endswith("'neuralgpu train' makes one.")
    run.config_file.write_text("", encoding="utf-8")
    refused = run_cli("watch", run.path)
    assert (refused.status, refused.error.count("The setting 'task' is missing")) == (3, 1)

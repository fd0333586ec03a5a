"""The list of runs, with everything among them that a run directory can be."""

import os
import re
import shutil
from pathlib import Path

import pytest

from neuralgpu.config import RunConfig
from neuralgpu.run_directory import RunDirectory, create_run
from neuralgpu.run_lock import locked

from .conftest import RunCli
from .terminal import on_a_terminal, plain
from .test_commands import parsed

CONFIG = RunConfig(task="badd", seeds=(0, 1, 2), steps=400, epoch=100)


def made(path: Path, config: RunConfig = CONFIG, *, step: int = 200, error: float = 0.25) -> RunDirectory:
    run = create_run(path, config, force=False)
    run.append_event("start", 0)
    for seed in config.seeds:
        numbers = {"length": 9, "loss": 0.5, "sequence_error": error, "seconds": 1.0}
        run.append_event("progress", step, seed=seed, **numbers)
    return run


@pytest.fixture
def folder(tmp_path: Path, trained: Path) -> Path:
    """Runs of every kind."""
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder / "tiny")
    made(folder / "sweep" / "bmul-24" / "0..2", RunConfig(task="bmul", seeds=(0, 1, 2)), step=300, error=0.5)
    partly = made(folder / "partly", error=0.125)
    partly.append_event("diverged", 210, seed=1)
    partly.append_event("interrupt", 230)
    (made(folder / "damaged").path / "config.toml").write_text("steps = [", encoding="utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "config.toml").write_text("title = 'mine'", encoding="utf-8")
    return folder


def test_every_run_has_a_line(run_cli: RunCli, folder: Path) -> None:
    ended = run_cli("runs", folder)
    assert (ended.status, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    header, damaged, partly, nested, tiny = ended.out.splitlines()
    assert re.split(r"\s{2,}", header) == ["run", "state", "step", "task", "seeds", "error", "judged", "age"]
    assert re.split(r"\s{2,}", damaged, maxsplit=2)[:2] == ["damaged", "damaged"]
    assert f"The settings of {folder / 'damaged'} cannot be read" in damaged
    cells = re.split(r"\s{2,}", partly)
    assert cells[:-1] == ["partly", "interrupted", "230/400", "badd", "3, 1 diverged@210", "12.5%", "-"]
    assert re.fullmatch(r"\d+ s", cells[-1])
    assert re.split(r"\s{2,}", nested)[:4] == ["sweep/bmul-24/0..2", "stopped", "300/40000", "bmul"]
    assert re.split(r"\s{2,}", tiny)[:5] == ["tiny", "finished", "60/60", "badd", "2"]
    columns = [line.index(cell) for line, cell in ((header, "task"), (partly, "badd"), (nested, "bmul  "))]
    assert len(set(columns)) == 1


def test_the_same_as_json(run_cli: RunCli, folder: Path) -> None:
    with locked(folder / "partly"):
        records = parsed(run_cli("runs", folder, "--json"))
    assert [(record["run"], record["state"]) for record in records] == [
        (str(folder / "damaged"), "damaged"),
        (str(folder / "partly"), "running"),
        (str(folder / "sweep" / "bmul-24" / "0..2"), "stopped"),
        (str(folder / "tiny"), "finished"),
    ]
    assert records[1]["holder"]["pid"] == os.getpid()
    assert [seed["diverged_at"] for seed in records[1]["seeds"]] == [None, 210, None]
    assert "cannot be read" in records[0]["error"]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name", ["damaged", "partly", "0..2", "tiny"]),
        ("state", ["tiny", "partly", "0..2", "damaged"]),
        ("step", ["0..2", "partly", "tiny", "damaged"]),
        ("task", ["partly", "tiny", "0..2", "damaged"]),
        ("error", ["partly", "0..2", "tiny", "damaged"]),
        ("age", ["partly", "0..2", "tiny", "damaged"]),
    ],
)
def test_runs_are_sorted(run_cli: RunCli, folder: Path, key: str, names: list[str]) -> None:
    records = parsed(run_cli("runs", folder, "--sort", key, "--json"))
    assert [Path(record["run"]).name for record in records] == names


def test_judged_runs_come_first_by_what_they_reached(run_cli: RunCli, folder: Path) -> None:
    assert run_cli("evaluate", folder / "tiny", "--length", 9, "--count", 4).status == 0
    assert Path(parsed(run_cli("runs", folder, "--sort", "judged", "--json"))[0]["run"]).name == "tiny"
    tiny = run_cli("runs", folder, "--sort", "judged").out.splitlines()[1]
    assert re.fullmatch(r"tiny +finished +60/60 +badd +2 +\d+\.\d% +\d+\.\d%@9 +\d+ (s|min)", tiny)


def test_a_run_lists_itself(run_cli: RunCli, trained: Path) -> None:
    _, line = run_cli("runs", trained).out.splitlines()
    assert line.split()[:2] == [str(trained), "finished"]


def test_only_damaged_runs(run_cli: RunCli, folder: Path) -> None:
    header, line = run_cli("runs", folder / "damaged").out.splitlines()
    assert header.split() == ["run", "state"]
    assert "damaged  The settings of" in line


def test_a_folder_without_runs_says_how_to_make_one(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run_cli("runs", tmp_path)
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"There are no runs in {tmp_path}; 'neuralgpu train badd --out {tmp_path}/first' makes one.\n"
    assert (run_cli("runs", tmp_path, "--json").out, run_cli("runs", tmp_path, "--json").err) == ("", "")
    monkeypatch.chdir(tmp_path)
    assert run_cli("runs").error == "There is no folder runs; there are none yet, 'neuralgpu train badd' makes one."


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_has_room_for_the_lines(folder: Path, columns: int) -> None:
    made(folder / "a-name-that-is-far-too-long-for-a-line-of-a-terminal-as-it-is" / "last", step=39_999)
    lines = on_a_terminal(columns, "runs", folder)
    assert any("\x1b[33minterrupted" in line for line in lines)
    seen = [*map(plain, lines)]
    assert max(len(line) for line in seen if "damaged  " not in line) <= columns
    assert any("/last  stopped" in line for line in seen), "the end of a name is kept"
    assert ("task" in seen[0]) == (columns == 120)

import json
import os
import time
from pathlib import Path

import pytest

from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.rows import read_lines
from neuralgpu.run_directory import RunDirectory, create_run, open_run

CONFIG = RunConfig(task="badd", steps=6)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_run_holds_its_settings(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs" / "new", CONFIG, force=False)
    assert run.config() == CONFIG
    assert open_run(run.path) == run
    assert list(contents(run.path)) == ["config.toml"]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    assert create_run(tmp_path, CONFIG, force=False).config() == CONFIG


def test_a_run_is_not_replaced_unasked(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", CONFIG, force=False)
    run.append_event("start", 0)
    before = contents(run.path)
    with pytest.raises(UserError, match=r"already holds a run; continue it with --resume .*, replace it with --force"):
        create_run(run.path, RunConfig(task="bmul"), force=False)
    assert contents(run.path) == before


def test_force_replaces_a_runs_files_and_no_others(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", CONFIG, force=False)
    for name in ("events.jsonl", "results.jsonl", "examples.jsonl", "report.html", "notes.txt"):
        (run.path / name).write_text("{}\n", encoding="utf-8")
    (run.checkpoints / "00000006").mkdir(parents=True)
    (run.checkpoints / "00000006" / "state.json").touch()
    create_run(run.path, RunConfig(task="bmul"), force=True)
    assert sorted(contents(run.path)) == ["config.toml", "notes.txt"]
    assert run.config().task == "bmul"


def test_force_replaces_a_run_whose_settings_another_version_wrote(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", CONFIG, force=False)
    run.config_file.write_text("old_setting = 1\n" + CONFIG.to_toml(), encoding="utf-8")
    assert create_run(run.path, CONFIG, force=True).config() == CONFIG


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["thesis.tex", "config.toml", "events.jsonl"])
def test_a_folder_that_is_not_a_run_is_never_touched(tmp_path: Path, force: bool, name: str) -> None:
    (tmp_path / name).write_text("title = 'mine'\n", encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"is there already and is not a run; choose another --out\.$"):
        create_run(tmp_path, CONFIG, force=force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_never_touched(tmp_path: Path, force: bool) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="is not a run"):
        create_run(file, CONFIG, force=force)
    with pytest.raises(StorageError, match=r"^Cannot write to .*; choose another --out\.$") as caught:
        create_run(file / "run", CONFIG, force=force)
    assert caught.value.exit_code == 4
    assert contents(tmp_path) == {"file": b"mine"}


def test_only_runs_are_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^There is no run directory .*missing; 'neuralgpu train' makes one\.$"):
        open_run(tmp_path / "missing")
    with pytest.raises(UserError, match=r"is not a run directory: .* Give a directory that 'neuralgpu train' wrote\.$"):
        open_run(tmp_path)
    with pytest.raises(UserError, match=r"File name too long; give a run directory\.$"):
        open_run(tmp_path / ("a" * 300))


@pytest.mark.parametrize("settings", [b"", b"\xff", b"task = 'bad'", b"task = 'badd'\nsteps = 0", b"task ="])
def test_damaged_settings_make_a_damaged_run(tmp_path: Path, settings: bytes) -> None:
    run = create_run(tmp_path / "run", CONFIG, force=False)
    run.config_file.write_bytes(settings)
    with pytest.raises(DamagedRunError, match=r"^The settings of .* cannot be read: ") as caught:
        open_run(run.path)
    assert caught.value.exit_code == 3


def test_events_are_appended_with_step_and_time(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    before = time.time()
    run.append_event("start", 0, task="badd")
    run.append_event("finish", 6)
    first, last = read_lines(run.events_file)
    assert (first["event"], first["step"], first["task"], last["event"]) == ("start", 0, "badd", "finish")
    assert before - 0.001 <= first["time"] <= last["time"] <= time.time() + 0.001


def test_events_of_undone_steps_are_forgotten(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for step in (0, 2, 4, 4, 6):
        run.append_event("progress", step)
    with run.events_file.open("ab") as file:
        file.write(b'{"event": "prog')
    run.forget_events_after(4)
    assert [event["step"] for event in read_lines(run.events_file)] == [0, 2, 4, 4]
    run.append_event("resume", 4)
    assert [event["event"] for event in read_lines(run.events_file)][-2:] == ["progress", "resume"]
    assert os.listdir(tmp_path) == ["events.jsonl"]


def test_forgetting_where_nothing_was_logged(tmp_path: Path) -> None:
    RunDirectory(tmp_path).forget_events_after(3)
    assert read_lines(RunDirectory(tmp_path).events_file) == []


@pytest.mark.parametrize("event", [{"event": "progress"}, {"step": None}, {"step": "2"}])
def test_an_event_without_a_step_is_damage(tmp_path: Path, event: dict[str, object]) -> None:
    run = RunDirectory(tmp_path)
    run.events_file.write_text(json.dumps(event) + "\n", encoding="utf-8")
    with pytest.raises(DamagedRunError, match="without a step; remove that line"):
        run.forget_events_after(4)
    assert read_lines(run.events_file) == [event]


def test_a_log_on_no_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"events\.jsonl: No such file or directory \(5\d bytes needed\); make room"):
        RunDirectory(tmp_path / "gone").append_event("start", 0)

"""What TensorBoard reads is what the event log holds."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.reporting.tensorboard import SCALARS, TensorBoard, check_installed
from neuralgpu.run_directory import RunDirectory, create_run

from .event_files import records, scalars

CONFIG = RunConfig(task="badd", seeds=(3, 5), steps=400, epoch=100)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = create_run(tmp_path / "run", CONFIG, force=False)
    return replace(made, observers=(TensorBoard(made),))


def epoch(run: RunDirectory, step: int, **more: object) -> None:
    for seed in CONFIG.seeds:
        numbers = {
            "length": 9,
            "loss": 100 * seed / step / 128,
            "sequence_error": 0.25,
            "learning_rate": 0.001,
            "seconds": 1.0,
        }
        run.append_event("progress", step, seed=seed, **numbers, **more)


def test_each_seed_has_its_curves(run: RunDirectory) -> None:
    run.append_event("start", 0)
    for step in (100, 200):
        epoch(run, step, padding_waste=0.125, steps_per_second=20.0)
    for seed in (3, 5):
        found = scalars(run.tensorboard / f"seed-{seed}")
        assert set(found) == set(SCALARS)
        assert found["loss"] == [(100, seed / 128), (200, seed / 256)]
        assert found["length"] == [(100, 9), (200, 9)]
        assert found["padding_waste"] == [(100, 0.125), (200, 0.125)]


def test_times_are_those_of_the_log(run: RunDirectory) -> None:
    epoch(run, 100)
    [file] = (run.tensorboard / "seed-3").iterdir()
    version, begin, event = records(file)
    assert version.file_version == "brain.Event:2"
    assert (begin.step, begin.session_log.status) == (0, 1)
    assert f'"time": {event.wall_time}' in run.events_file.read_text(encoding="utf-8").splitlines()[0]


def test_the_settings_are_a_text(run: RunDirectory) -> None:
    run.append_event("start", 0)
    [file] = run.tensorboard.glob("events.out.tfevents.*")
    [value] = records(file)[-1].summary.value
    assert value.tag == "config.toml/text_summary"
    assert value.metadata.plugin_data.plugin_name == "text"
    assert value.tensor.string_val[0].decode() == f"```\n{CONFIG.to_toml()}```"


def test_other_tasks_of_a_chain_have_curves_of_their_own(run: RunDirectory) -> None:
    epoch(run, 100, others={"bmul": {"length": 5, "sequence_error": 0.5}})
    found = scalars(run.tensorboard / "seed-5")
    assert (found["sequence_error"], found["sequence_error/bmul"]) == ([(100, 0.25)], [(100, 0.5)])
    assert found["length/bmul"] == [(100, 5)]


def test_what_a_resumed_run_forgets_is_there_once(run: RunDirectory) -> None:
    for step in (100, 200, 300):
        epoch(run, step)
    for again in range(3):
        run.forget_events_after(200)
        resumed = replace(run, observers=(TensorBoard(run),)) if again else run
        epoch(resumed, 300)
        for seed in (3, 5):
            assert [step for step, _ in scalars(run.tensorboard / f"seed-{seed}")["loss"]] == [100, 200, 300]
        files = sorted((run.tensorboard / "seed-3").iterdir())
        assert [file.stat().st_size > 0 for file in files] == [False, True], "the old one is emptied, its elder gone"


def test_an_observer_that_comes_late_writes_all(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", CONFIG, force=False)
    epoch(run, 100)
    TensorBoard(run)()
    assert scalars(run.tensorboard / "seed-3")["length"] == [(100, 9)]


def test_a_torn_file_is_made_whole(run: RunDirectory) -> None:
    epoch(run, 100)
    [file] = (run.tensorboard / "seed-3").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    TensorBoard(run)()
    assert scalars(run.tensorboard / "seed-3")["length"] == [(100, 9)]


def test_a_replaced_run_leaves_nothing(run: RunDirectory) -> None:
    epoch(run, 100)
    create_run(run.path, CONFIG, force=True)
    assert not run.tensorboard.exists()


def test_a_process_that_does_not_log_does_not_write(run: RunDirectory) -> None:
    replace(run, writable=False).append_event("start", 0)
    assert not run.tensorboard.exists()


def test_without_the_library_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    for refused in (check_installed, lambda: TensorBoard(RunDirectory(tmp_path))):
        with pytest.raises(UserError, match=r'is not installed; install it with: pip install "\.\[tensorboard\]"\.$'):
            refused()


def test_no_place_to_write(run: RunDirectory) -> None:
    run.tensorboard.write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match=r"^Cannot write to .*tensorboard: .*; make room\.$"):
        run.append_event("start", 0)


def test_a_log_that_is_damaged(run: RunDirectory) -> None:
    run.events_file.write_text('{"event": "progress", "step": 1, "time": 1}\n', encoding="utf-8")
    with pytest.raises(DamagedRunError, match="without a valid 'seed'"):
        run.append_event("start", 0)

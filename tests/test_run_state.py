"""How runs stand, told from their files."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.checkpoint import Checkpoint, save
from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.errors import DamagedRunError
from neuralgpu.rows import ResultRow, append_rows
from neuralgpu.run_directory import RunDirectory, create_run
from neuralgpu.run_lock import locked
from neuralgpu.run_state import DamagedRun, RunState, StateFollower, find_runs, run_state

CONFIG = RunConfig(task="badd", seeds=(3, 5), steps=400, epoch=100)


def progress(run: RunDirectory, step: int, seeds: tuple[int, ...] = (3, 5), **given: Any) -> None:
    fields = {"task": "badd", "length": 9, "loss": 0.5, "sequence_error": 0.25, "solved": 0, "seconds": step / 10}
    for seed in seeds:
        run.append_event("progress", step, seed=seed, **(fields | given))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run that has made two epochs."""
    made = create_run(tmp_path / "run", CONFIG, force=False)
    made.append_event("start", 0)
    progress(made, 100)
    progress(made, 200, (3,), sequence_error=0.1, seconds=15.0)
    progress(made, 200, (5,), sequence_error=0.2, seconds=15.0)
    return made


def state_of(run: RunDirectory) -> RunState:
    state = run_state(run.path)
    assert isinstance(state, RunState), state
    return state


def all_diverge(run: RunDirectory) -> None:
    for seed in CONFIG.seeds:
        run.append_event("diverged", 201 + seed, seed=seed)


ENDINGS: dict[str, Callable[[RunDirectory], None]] = {
    "stopped": lambda run: None,
    "interrupted": lambda run: run.append_event("interrupt", 230),
    "finished": lambda run: run.append_event("finish", 400),
    "diverged": all_diverge,
}


@pytest.mark.parametrize("state", ENDINGS)
def test_how_a_run_has_ended(run: RunDirectory, state: str) -> None:
    ENDINGS[state](run)
    found = state_of(run)
    assert found.state == state
    assert found.ended == (state in {"finished", "diverged"})
    assert (found.holder, found.seconds_left) == (None, None)


def test_a_run_is_running_while_it_is_held(run: RunDirectory) -> None:
    run.append_event("interrupt", 230)
    with locked(run.path):
        assert state_of(run).state == "running"
        run.append_event("finish", 400)
        assert state_of(run).state == "finished"
    (run.path / "events.jsonl").unlink()
    assert state_of(run).state == "stopped"


def test_numbers_of_a_run(run: RunDirectory) -> None:
    history = state_of(run).history
    assert (history.step, history.last_step, history.next_step, history.task) == (200, 400, 300, "badd")
    assert history.sequence_error == pytest.approx(0.15)
    assert history.seconds_a_step == pytest.approx(0.05), "the first epoch compiles"
    assert history.time is not None
    assert abs(time.time() - history.time) < 60
    with locked(run.path):
        left = state_of(run).seconds_left
    assert left == pytest.approx(10, abs=1)


def test_one_that_diverged_is_out_of_the_numbers(run: RunDirectory) -> None:
    run.append_event("diverged", 250, seed=5)
    history = state_of(run).history
    assert state_of(run).state == "stopped"
    assert history.diverged == {5: 250}
    assert history.sequence_error == pytest.approx(0.1)
    progress(run, 300, (3,), sequence_error=math.nan)
    assert state_of(run).history.sequence_error is None


def test_a_falling_run_ends_when_its_seeds_are_done(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=4000, optimiser=OptimiserConfig(schedule="falling", fall_steps=500))
    run = create_run(tmp_path / "falling", config, force=False)
    progress(run, 100)
    assert state_of(run).history.last_step == 4000
    run.append_event("learned", 700, seed=3)
    run.append_event("learned", 900, seed=5)
    assert state_of(run).history.last_step == 1400
    run.append_event("restart", 1000, seed=5)
    assert state_of(run).history.last_step == 4000
    assert state_of(run).history.seeds[5].restarts == 1
    run.append_event("diverged", 1001, seed=5)
    assert state_of(run).history.last_step == 1200


def test_a_chain_counts_what_is_solved(tmp_path: Path) -> None:
    chain = CurriculumConfig(tasks=("badd", "qadd"))
    run = create_run(tmp_path / "chain", replace(CONFIG, task="qadd", curriculum=chain), force=False)
    progress(run, 100)
    run.append_event("solved", 100, seed=3, task="badd")
    progress(run, 200, (3,), task="qadd")
    seeds = state_of(run).history.seeds
    assert {seed: (of.solved, of.task) for seed, of in seeds.items()} == {3: (1, "qadd"), 5: (0, "badd")}


def test_a_run_before_its_first_epoch(tmp_path: Path) -> None:
    run = create_run(tmp_path / "new", CONFIG, force=False)
    history = state_of(run).history
    assert (history.step, history.next_step, history.time, history.sequence_error) == (0, 100, None, None)
    assert history.seconds_a_step is None


def row(**given: Any) -> ResultRow:
    fields: dict[str, Any] = {
        **{"run": "run", "seed": 3, "step": 200, "task": "badd", "layout": "padded", "suite": "random", "length": 401},
        **{"count": 8, "sequence_error": 0.5, "symbol_error": 0.1, "ci_low": 0.0, "ci_high": 1.0, "versions": {}},
    }
    return ResultRow(**(fields | given))


def test_what_was_judged_last_at_the_greatest_length(run: RunDirectory) -> None:
    assert state_of(run).judged is None
    append_rows(run.results_file, [row(step=100, length=901), row(length=41), row(), row(seed=5, sequence_error=0.25)])
    append_rows(run.results_file, [row(suite="carry", length=999), row(task="bmul", length=999)])
    append_rows(run.results_file, [row(seed=None, averaged=2, length=999), row(sequence_error=0.75)])
    judged = state_of(run).judged
    assert judged is not None
    assert asdict(judged) == {"step": 200, "length": 401, "sequence_error": 0.5}


def test_the_record_is_json(run: RunDirectory) -> None:
    record = json.loads(json.dumps(state_of(run).record()))
    assert (record["state"], record["step"], [seed["seed"] for seed in record["seeds"]]) == ("stopped", 200, [3, 5])
    run.config_file.write_text("=", encoding="utf-8")
    assert set(run_state(run.path).record()) == {"run", "state", "error"}


DAMAGE: dict[str, tuple[str, bytes, str]] = {
    "settings": ("config.toml", b"\xff", "The settings of .* cannot be read"),
    "another version's settings": ("config.toml", b"task = 'badd'\nold = 1\n", "There is no setting 'old'"),
    "log": ("events.jsonl", b"{}\n[]\n", "line 2 is not a JSON object"),
    "event": ("events.jsonl", b'{"event": "start", "step": 0}\n', "an event without a valid 'time'"),
    "step": ("events.jsonl", b'{"event": "start", "step": true, "time": 0}\n', "an event without a valid 'step'"),
    "progress": ("events.jsonl", b'{"event": "progress", "step": 0, "time": 0}\n', "an event without a valid 'seed'"),
    "seed": ("events.jsonl", b'{"event": "learned", "step": 0, "time": 0, "seed": 9}\n', "tells of seed 9"),
    "results": ("results.jsonl", b"{}\n", "not a result row"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_a_state(run: RunDirectory, name: str) -> None:
    file, content, message = DAMAGE[name]
    (run.path / file).write_bytes(content)
    found = run_state(run.path)
    assert isinstance(found, DamagedRun)
    with pytest.raises(DamagedRunError, match=message):
        raise DamagedRunError(found.error)


def test_a_torn_last_line_is_no_damage(run: RunDirectory) -> None:
    whole = state_of(run)
    with run.events_file.open("ab") as file:
        file.write(b'{"event": "progress", "st')
    assert state_of(run).record() == whole.record()


def test_one_whole_checkpoint_is_enough(run: RunDirectory) -> None:
    for step in (100, 200):
        save(run.checkpoints, Checkpoint(step, {}, {}))
    newest, older = (run.checkpoints / f"{step:08d}" / "state.json" for step in (200, 100))
    newest.write_bytes(newest.read_bytes() + b" ")
    assert state_of(run).state == "stopped"
    older.unlink()
    damaged = run_state(run.path)
    assert isinstance(damaged, DamagedRun)
    assert f"{newest} is damaged: it has " in damaged.error
    assert f"{older} cannot be read: No such file or directory. No whole checkpoint is left" in damaged.error


def test_a_followed_run_is_told_bit_by_bit(run: RunDirectory) -> None:
    follower = StateFollower(run.path)
    state, lines = follower.look()
    assert (state.history.step, len(lines.records), lines.anew) == (200, 5, True)
    progress(run, 300)
    state, lines = follower.look()
    assert (state.history.step, len(lines.records), lines.anew) == (300, 2, False)
    run.forget_events_after(100)
    run.append_event("resume", 100)
    state, lines = follower.look()
    assert (state.history.step, lines.anew) == (100, True)
    assert state.history.sequence_error == 0.25, "what was forgotten does not count"


def test_runs_are_found_in_folders(tmp_path: Path) -> None:
    for place in ("b", "a", "sweep/mul-24/0..3", "sweep/add-24/0..3", ".hidden/run"):
        made = create_run(tmp_path / place, CONFIG, force=False)
        made.append_event("start", 0)
    (tmp_path / "a" / "checkpoints" / "00000001").mkdir(parents=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "config.toml").touch()
    (tmp_path / "b" / "config.toml").unlink()
    (tmp_path / "b" / "checkpoints").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in find_runs(tmp_path)]
    assert found == ["a", "b", "sweep/add-24/0..3", "sweep/mul-24/0..3"]
    assert list(find_runs(tmp_path / "a")) == [tmp_path / "a"]
    assert list(find_runs(tmp_path / "thesis")) == []


def test_a_state_is_told_without_jax(run: RunDirectory) -> None:
    probe = "import sys, pathlib, neuralgpu.run_state as s; s.run_state(pathlib.Path(sys.argv[1])); print(*sys.modules)"
    environment = {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    told = subprocess.run(
        [sys.executable, "-c", probe, str(run.path)], env=environment, capture_output=True, text=True, check=True
    )
    assert "jax" not in told.stdout.split()

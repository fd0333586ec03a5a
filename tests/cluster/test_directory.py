import json
import tomllib
from pathlib import Path

import pytest

from neuralgpu.cluster.directory import SweepDirectory, create_sweep
from neuralgpu.cluster.job import survey
from neuralgpu.cluster.packing import Machine, packed
from neuralgpu.cluster.spec import grid, sweep_spec
from neuralgpu.cluster.standing import Standing
from neuralgpu.errors import DamagedRunError, UserError
from neuralgpu.rows import read_lines

from .conftest import SPEC

VALUES = tomllib.loads(SPEC)
JOBS = packed(grid(sweep_spec(VALUES)), [Machine("here", 2, 0, 10**10)], sweep_spec(VALUES).job)
NAMES = [job.name for job in JOBS]


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDirectory:
    directory = create_sweep(tmp_path / "sweep", VALUES, JOBS, [])
    for number, name in enumerate(NAMES):
        run = directory.run(name)
        run.path.mkdir(parents=True)
        run.results_file.write_text(f'{{"run": "{number}", "seed": {number}}}\n{{"run": "x", "seed": {number}}}\n')
    return directory


def merged(directory: SweepDirectory) -> list[tuple[str, int]]:
    assert directory.merge(NAMES) == len(read_lines(directory.results_file))
    return [(row["run"], row["seed"]) for row in read_lines(directory.results_file)]


def test_rows_of_finished_jobs_are_merged_once_in_the_order_of_the_plan(sweep: SweepDirectory) -> None:
    assert merged(sweep) == []
    sweep.finish(NAMES[2])
    sweep.finish(NAMES[0])
    assert merged(sweep) == merged(sweep) == [(NAMES[0], 0)] * 2 + [(NAMES[2], 2)] * 2
    sweep.finish(NAMES[1])
    assert merged(sweep) == [(name, number) for number, name in enumerate(NAMES) for _ in range(2)]


def test_rows_that_were_appended_later_are_no_part_of_the_sweep(sweep: SweepDirectory) -> None:
    sweep.finish(NAMES[0])
    with sweep.run(NAMES[0]).results_file.open("a") as file:
        file.write('{"run": "later"}\n')
    assert len(merged(sweep)) == 2


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "marker", "empty marker"])
def test_a_job_whose_rows_are_damaged_is_not_finished(sweep: SweepDirectory, harm: str) -> None:
    sweep.finish(NAMES[0])
    run = sweep.run(NAMES[0])
    data, marker = run.results_file.read_bytes(), run.path / "finished.json"
    if harm == "flip":
        run.results_file.write_bytes(data.replace(b"0", b"1", 1))
    elif harm == "truncate":
        run.results_file.write_bytes(data[:-3])
    elif harm == "remove":
        run.results_file.unlink()
    else:
        marker.write_text("{}" if harm == "marker" else "")
    assert sweep.finished_rows(NAMES[0]) is None
    assert merged(sweep) == []


def test_the_plan_is_read_as_it_was_written(sweep: SweepDirectory) -> None:
    again = SweepDirectory(sweep.path)
    assert again.jobs() == JOBS
    assert again.plan["spec"] == VALUES
    with pytest.raises(UserError, match=r"already holds a sweep; go on with --resume"):
        create_sweep(sweep.path, VALUES, JOBS, [])


def test_other_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(UserError, match=r"is there already and is not a sweep; choose another --out\.$"):
        create_sweep(tmp_path, VALUES, JOBS, [])
    with pytest.raises(UserError, match=r"is not a sweep: it has no plan\.json"):
        _ = SweepDirectory(tmp_path).plan


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1, "token": 1, "spec": {}, "jobs": [{}]}'])
def test_a_damaged_plan_is_refused(sweep: SweepDirectory, text: str) -> None:
    sweep.plan_file.write_text(text)
    with pytest.raises(DamagedRunError, match="begin the sweep anew"):
        SweepDirectory(sweep.path).jobs()


def test_attempts_are_counted(sweep: SweepDirectory) -> None:
    assert [sweep.log_attempt(NAMES[0], {"pid": pid}) for pid in (4, 5)] == [1, 2]
    assert sweep.log_attempt(NAMES[1], {"pid": 6}) == 1


def test_a_machine_says_why_it_cannot_work(sweep: SweepDirectory, tmp_path: Path) -> None:
    assert survey(str(sweep.path), sweep.token) == ""
    assert "does not see" in survey(str(tmp_path / "missing"), sweep.token)
    assert "is another directory" in survey(str(sweep.path), "another")
    plan = json.loads(sweep.plan_file.read_text())
    sweep.plan_file.write_text(json.dumps({**plan, "version": "0.0.1"}))
    assert "the sweep began with 0.0.1; install the same" in survey(str(sweep.path), sweep.token)


def test_the_time_left_follows_from_the_work_that_is_done() -> None:
    now = [100.0]
    standing = Standing(JOBS, NAMES[:1], clock=lambda: now[0])
    assert standing.seconds_left is None
    assert standing.update({"job": NAMES[1], "state": "training", "step": 40, "steps": 400, "attempt": 1}) is not None
    now[0] += 10
    assert standing.update({"job": NAMES[1], "state": "training", "step": 240, "steps": 400, "attempt": 1}) is None
    assert standing.seconds_left == pytest.approx(10 / 0.5 * (0.4 + 1))
    assert standing.update({"notice": "wait"}) is None
    assert standing.notice == "wait"
    assert standing.update({"job": NAMES[1], "state": "done"}) is standing.jobs[NAMES[1]]
    assert standing.update({"job": NAMES[2], "state": "failed", "error": "why"}) is standing.jobs[NAMES[2]]
    assert standing.seconds_left == 0
    assert (standing.count(), [job.error for job in standing.failed()]) == ({"done": 2, "failed": 1}, ["why"])

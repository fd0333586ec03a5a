"""A log is followed line by line, whatever its writer does to it."""

import json
from pathlib import Path

import pytest

from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError
from neuralgpu.log_follower import LogFollower
from neuralgpu.rows import append_lines
from neuralgpu.run_directory import create_run


def test_lines_come_once_and_in_order(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    follower = LogFollower(log)
    assert follower.read() == ([], True)
    assert follower.read() == ([], False)
    for number in range(3):
        append_lines(log, [{"step": number}, {"step": number, "seed": 1}])
        assert follower.read() == ([{"step": number}, {"step": number, "seed": 1}], False)
    assert follower.read() == ([], False)


def test_a_torn_line_is_left_until_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    line = json.dumps({"step": 2, "name": "\N{LATIN SMALL LETTER E WITH ACUTE}"}, ensure_ascii=False).encode() + b"\n"
    follower = LogFollower(log)
    append_lines(log, [{"step": 1}])
    assert follower.read() == ([{"step": 1}], True)
    for end in range(len(line)):
        log.write_bytes(b'{"step": 1}\n' + line[:end])
        assert follower.read() == ([], False)
    log.write_bytes(b'{"step": 1}\n' + line)
    assert follower.read().records == [{"step": 2, "name": "\N{LATIN SMALL LETTER E WITH ACUTE}"}]


def test_a_torn_line_that_the_next_writer_removes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_lines(log, [{"step": 1}])
    follower = LogFollower(log)
    follower.read()
    with log.open("ab") as file:
        file.write(b'{"step": 2, "name": "longer than what comes')
    assert follower.read() == ([], False)
    append_lines(log, [{"step": 3}])
    assert follower.read() == ([{"step": 3}], False)


@pytest.mark.parametrize("made_again", [(), (5, 6), (5, 6, 7, 8, 9, 10)], ids=["shorter", "as long", "longer"])
def test_a_resumed_run_forgets_the_end(tmp_path: Path, made_again: tuple[int, ...]) -> None:
    run = create_run(tmp_path / "run", RunConfig(task="badd"), force=False)
    for step in range(1, 7):
        run.append_event("progress", step)
    follower = LogFollower(run.events_file)
    assert [event["step"] for event in follower.read().records] == [*range(1, 7)]
    run.forget_events_after(4)
    for step in made_again:
        run.append_event("again", step)
    events, anew = follower.read()
    assert anew
    assert [event["step"] for event in events] == [1, 2, 3, 4, *made_again]
    run.append_event("progress", 11)
    assert [event["step"] for event in follower.read().records] == [11]


def test_a_log_that_is_gone_and_another_in_its_place(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_lines(log, [{"step": 1}, {"step": 2}])
    follower = LogFollower(log)
    follower.read()
    log.unlink()
    assert follower.read() == ([], True)
    append_lines(log, [{"step": 1}, {"step": 7}])
    assert follower.read() == ([{"step": 1}, {"step": 7}], False)


def test_damage_is_named_by_its_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_lines(log, [{"step": 1}, {"step": 2}])
    follower = LogFollower(log)
    follower.read()
    with log.open("ab") as file:
        file.write(b"[]\n")
    with pytest.raises(DamagedRunError, match=r"log\.jsonl, line 3 is not a JSON object"):
        follower.read()
    with pytest.raises(DamagedRunError, match=r"cannot be read \(it is no file\)"):
        LogFollower(tmp_path).read()

import math
import re
import time
from dataclasses import replace

import pytest

from neuralgpu.cli import progress
from neuralgpu.cli.progress import display, training_line
from neuralgpu.training.standing import Progress

STANDING = Progress(
    step=39_999,
    last_step=40_000,
    tasks=["badd", "badd", "badd"],
    lengths=[11, 41, 5],
    solved=[0, 1, 0],
    task_count=1,
    losses=[0.5, 3.25, 0.125],
    sequence_errors=[0.25, 1.0, 0.0],
    learning=3,
    padding_waste=0.094,
    steps_per_second=12.345,
    seconds_left=3725.9,
)


def test_the_line_of_several_seeds_has_their_medians() -> None:
    assert (
        training_line(STANDING, timed=True)
        == "≤1:02:05 left  length 5-41  error 25.0%  loss 0.5000  padding 9%  12.3/s"
    )


def test_the_line_of_the_first_step_tells_no_speed() -> None:
    assert training_line(STANDING, timed=False) == "length 5-41  error 25.0%  loss 0.5000  padding 9%"


def test_a_chain_s_line_tells_the_tasks_being_learned_and_the_share_solved() -> None:
    chain = replace(STANDING, tasks=["qmul", "bmul", "qmul"], solved=[1, 0, 1], task_count=4)
    assert (
        training_line(chain, timed=False) == "qmul/bmul  solved 25%  length 5-41  error 25.0%  loss 0.5000  padding 9%"
    )


def test_what_is_not_known_yet_is_left_out() -> None:
    nothing = Progress(1, 2, ["badd"], [8], [0], 1, [math.nan], [math.nan], 1, 0.0, 2.0, 59.9)
    assert training_line(nothing, timed=True) == "≤0:59 left  length 8  padding 0%  2.0/s"


def test_seeds_that_are_done_are_not_in_the_medians() -> None:
    errors = {"losses": [math.nan, 3.25, math.nan], "sequence_errors": [math.nan, 1.0, math.nan]}
    one_left = replace(STANDING, learning=1, **errors)
    line = "1 of 3 seeds  length 5-41  error 100.0%  loss 3.2500  padding 9%"
    assert training_line(one_left, timed=False) == line


def test_a_seed_that_diverged_is_named() -> None:
    line = "2 of 3 seeds  diverged 7@120  length 5-41  error 25.0%  loss 0.5000  padding 9%"
    assert training_line(replace(STANDING, learning=2, diverged={"7": 120}), timed=False) == line


def test_a_plain_line_every_few_seconds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with display("train badd") as show:
        for done in range(101):
            show(done, 100, "[bold]x")
            now[0] += 0.5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"train badd {done}/100 [bold]x" for done in range(0, 101, 10)]


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("terminal", ["xterm-256color", "dumb"])
def test_the_live_line_never_wraps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, terminal: str
) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": str(columns), "LINES": "24", "TERM": terminal}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with display("train qmule") as show:
        show(0, 40_000, "compiling")
        time.sleep(0.3)
        show(39_999, 40_000, training_line(STANDING, timed=True))
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", captured.err)) if line]
    assert max(map(len, lines)) <= columns
    last = lines[-1]
    assert "train qmule" in last
    assert "39999/40000" in last
    if columns >= 80:
        assert "≤1:02:05 left  length 5-41  error 25.0%" in last
    if columns >= 200:
        assert last.rstrip().endswith("loss 0.5000  padding 9%  12.3/s")
        assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in last

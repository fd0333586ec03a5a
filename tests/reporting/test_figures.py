"""Figures draw the numbers that they are given."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from neuralgpu.reporting.axes import save_figure, spaced_ticks
from neuralgpu.reporting.figures import error_against_carry, error_against_length, learning_curve
from neuralgpu.rows import ResultRow, read_lines, read_rows


def lines_drawn(figure: Figure, panel: int = 0) -> list[list[tuple[float, float]]]:
    return [[(float(x), float(y)) for x, y in np.asarray(line.get_xydata())] for line in figure.axes[panel].lines]


def test_error_against_length_has_one_mark_a_length(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(length=401, errors=64), make_row(length=41), make_row(suite="carry", size=5, length=13)]
    assert [(41.0, 0.0), (401.0, 25.0)] in lines_drawn(error_against_length(rows, trained_to=41))


def test_error_against_carry_is_drawn_over_carry_length(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(suite="carry", size=size, length=2 * size + 3, errors=128) for size in (5, 50)]
    assert [(5.0, 50.0), (50.0, 50.0)] in lines_drawn(error_against_carry(rows))


def test_several_seeds_are_drawn_with_their_median(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(seed=seed, length=length, errors=64 * seed) for seed in (0, 1, 2) for length in (81, 401)]
    drawn = lines_drawn(error_against_length(rows))
    assert drawn.count([(81.0, 25.0), (401.0, 25.0)]) == 2  # seed 1, and the median
    assert [(81.0, 50.0), (401.0, 50.0)] in drawn


def test_learning_curve_shows_every_progress_line(build_run: Callable[[str], Path]) -> None:
    events = read_lines(build_run("good") / "events.jsonl")
    figure = learning_curve(events)
    progress = [event for event in events if event["event"] == "progress"]
    for panel, name, factor in ((0, "loss", 1), (1, "sequence_error", 100), (2, "length", 1)):
        assert [(event["step"], factor * event[name]) for event in progress] in lines_drawn(figure, panel)


def test_steps_done_again_after_a_resume_are_drawn_once() -> None:
    def progress(step: int, loss: float) -> dict[str, Any]:
        line = {"event": "progress", "step": step, "time": 0, "seed": 1, "length": 8}
        return line | {"loss": loss, "sequence_error": 0.5}

    events = [progress(100, 0.9), progress(200, 0.8), {"event": "resume", "step": 100, "time": 0}, progress(200, 0.7)]
    assert lines_drawn(learning_curve(events)) == [[(100.0, 0.9), (200.0, 0.7)]]


@pytest.mark.parametrize("losses", [[0.19, 0.18], [float("nan"), 0.0, 1e-9], [float("inf"), 700.0], [0.0]])
def test_loss_axis_has_a_labelled_tick(losses: list[float]) -> None:
    line = {"event": "progress", "time": 0, "seed": 1, "length": 8, "sequence_error": 0.5}
    axes = learning_curve([line | {"step": step, "loss": loss} for step, loss in enumerate(losses)]).axes[0]
    low, high = axes.get_ylim()
    assert any(low <= tick <= high for tick in axes.get_yticks())


def test_ticks_keep_the_largest_and_stand_apart() -> None:
    ticks = spaced_ticks(range(1, 402))
    assert ticks[-1] == 401 and len(ticks) <= 10
    assert min(right / left for left, right in pairwise(ticks)) >= 401 ** (1 / 9)
    assert spaced_ticks([]) == [] and spaced_ticks([7]) == [7]


@pytest.mark.parametrize(("ending", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_saved_reproducibly(
    build_run: Callable[[str], Path], tmp_path: Path, ending: str, head: bytes
) -> None:
    rows = read_rows(build_run("bad") / "results.jsonl")
    files = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for path in files:
        save_figure(error_against_carry(rows), path)
    assert files[0].read_bytes() == files[1].read_bytes() and files[0].read_bytes().startswith(head)

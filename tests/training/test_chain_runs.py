"""Runs of several tasks: they move from task to task, are told in the events, and resume bit for bit."""

from dataclasses import replace
from pathlib import Path

import pytest

from neuralgpu.config import RunConfig

from .runs import same_bits, started, trained

pytestmark = pytest.mark.usefixtures("shared_steps")


def test_a_chain_moves_from_task_to_task_and_resumes_bit_for_bit(tmp_path: Path, cgru_config: RunConfig) -> None:
    tasks = ("baddz", "badd", "3badd")
    curriculum = replace(cgru_config.curriculum, tasks=tasks, max_length=5, moves="in_order")
    config = replace(cgru_config, task="3badd", curriculum=curriculum, steps=14)
    whole = trained(started(tmp_path / "whole", config), config)
    of_seed = [event for event in whole.events[1:] if event["seed"] == 1]
    told = [(event["step"], event["event"], event["task"]) for event in of_seed]
    assert told == [
        *[(2, "progress", "baddz"), (4, "progress", "baddz"), (4, "solved", "baddz")],
        *[(6, "progress", "badd"), (8, "progress", "badd"), (8, "solved", "badd")],
        *[(10, "progress", "3badd"), (10, "solved", "3badd")],
        *[(12, "progress", "3badd"), (14, "progress", "3badd")],
    ], "3badd starts with its shortest inputs, which are the longest here"
    assert [event["solved"] for event in of_seed if event["event"] == "progress"] == [0, 0, 1, 1, 2, 3, 3]
    assert whole.progress[8].tasks == ["3badd"] * 2
    assert (whole.progress[8].solved, whole.progress[8].task_count) == ([2, 2], 3)
    for stop_at in (3, 9):
        run = started(tmp_path / f"parts{stop_at}", config)
        stopped = trained(run, config, stop_at=stop_at)
        resumed = trained(run, run.config(), stopped.checkpoint)
        assert same_bits(resumed.checkpoint, whole.checkpoint)
        assert resumed.events == whole.events


def test_other_tasks_of_an_epoch_are_told_beside_the_one_being_learned(tmp_path: Path, cgru_config: RunConfig) -> None:
    curriculum = replace(cgru_config.curriculum, tasks=("badd", "baddz"), moves="mixed", advance_below=0.0)
    config = replace(cgru_config, task="baddz", curriculum=curriculum, epoch=12, steps=12)
    ended = trained(started(tmp_path / "mixed", config), config)
    [one, other] = ended.events[1:]
    for event in (one, other):
        assert event["task"] == "badd"
        assert set(event["others"]) == {"baddz"}
        assert event["others"]["baddz"]["length"] == 4
        assert 0 <= event["others"]["baddz"]["sequence_error"] <= 1

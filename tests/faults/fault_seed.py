"""One seed's numbers are no longer finite."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralgpu.checkpoint import load_latest, save
from neuralgpu.rows import read_lines

from .processes import SMALL, TIMES, Ended, run
from .registry import Outcome, fault

EIGHT = [*SMALL, "--seeds", "8", "--steps", "40"]
BROKEN, FROM = 3, 30


@fault(
    6,
    "not a number in seed 3 of 8",
    "the seed is diverged@step and stops; the other seven are in every bit those of a run in which it stayed healthy; "
    "the log, the progress, the exit summary, evaluate and report say so",
    short=1,
    full=5,
)
def not_a_number(trials: int, folder: Path) -> Outcome:
    """Lets a seed's weights grow beyond all numbers from a step on, in one of two runs that go on from it."""
    lost = wrong = 0
    steps: set[int] = set()
    assert run(folder, "train", *EIGHT, "--out", "start").status == 0
    _go_back(folder / "start", {})
    for trial in range(trials):
        place = folder / str(trial)
        place.mkdir()
        for name, rates in (("healthy", {}), ("broken", {BROKEN: 10.0 ** (25 + trial)})):
            shutil.copytree(folder / "start", place / name)
            _go_back(place / name, rates)
        healthy, broken = (run(place, "train", "--resume", name) for name in ("healthy", "broken"))
        lost += not _others_agree(place / "healthy", place / "broken")
        diverged = [event for event in read_lines(place / "broken" / "events.jsonl") if event["event"] == "diverged"]
        wrong += [event["seed"] for event in diverged] != [BROKEN] or "diverged" in healthy.err
        step = diverged[0]["step"] if diverged else -1
        steps.add(step)
        wrong += not _is_said(place, broken, step)
    return Outcome(trials, lost, wrong, f"diverged at step {', '.join(map(str, sorted(steps)))}")


def _go_back(target: Path, rates: dict[int, float]) -> None:
    """Leaves a run where it stood some epochs before its end, with other learning rates for some seeds."""
    for path in (target / "checkpoints").iterdir():
        if int(path.name) > FROM:
            shutil.rmtree(path)
    checkpoint, _ = load_latest(target / "checkpoints")
    state: dict[str, Any] = dict(checkpoint.state)
    state["controls"] = [
        {**control, "learning_rate": rates.get(seed, control["learning_rate"])}
        for seed, control in enumerate(state["controls"])
    ]
    save(target / "checkpoints", replace(checkpoint, state=state))


def _others_agree(healthy: Path, broken: Path) -> bool:
    """Says whether all seeds but the broken one ended alike."""
    one, other = (load_latest(path / "checkpoints")[0] for path in (healthy, broken))
    others = [seed for seed in range(8) if seed != BROKEN]
    arrays = all(array[others].tobytes() == other.arrays[name][others].tobytes() for name, array in one.arrays.items())
    controls = [[checkpoint.state["controls"][seed] for seed in others] for checkpoint in (one, other)]
    logs = [
        [
            {key: value for key, value in event.items() if key not in TIMES}
            for event in read_lines(path / "events.jsonl")
            if event.get("seed") in others
        ]
        for path in (healthy, broken)
    ]
    return one.step == other.step and arrays and controls[0] == controls[1] and logs[0] == logs[1]


def _is_said(place: Path, ended: Ended, step: int) -> bool:
    judged = run(place, "evaluate", "broken", "--length", "9", "--count", "8")
    reported = run(place, "report", "broken")
    page = (place / "broken" / "report.html").read_text(encoding="utf-8")
    return (
        (ended.status, judged.status, reported.status) == (0, 0, 0)
        and f"diverged {BROKEN}@{step}" in ended.err
        and f"Seed {BROKEN} diverged at step {step}" in ended.err
        and f"Seed {BROKEN} diverged at step {step}" in judged.err
        and f"seed {BROKEN} at step {step}" in page
    )

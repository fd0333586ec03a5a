"""A training process is stopped, or killed, at a moment that nobody chose."""

import random
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neuralgpu.checkpoint import load_latest

from .processes import SMALL, SMALL_STEPS, newest_saved, run, same_run, started, trained, until
from .registry import Outcome, fault

LONG_STEPS = [
    *("badd", "--steps", "50", "--set", "epoch=50", "--set", "batch=8192", "--set", "model.channels=24"),
    *("--set", "curriculum.buckets=[41]", "--set", "curriculum.start_length=41"),
]
"""A step takes longer than the ten seconds in which a run has to be saved."""
ALLOWED = 10.0
APART = 0.2
"""Seconds between two signals, fewer than between two that a person sends."""
SAVED = re.compile(r"Stopped and saved at step (\d+)\. Go on: neuralgpu train --resume run\n$")
UNBEGUN = re.compile(
    r"(Stopped before a step was made\. Go on: .* --resume run|Stopped before anything was written\.)\n$"
)


@dataclass(frozen=True)
class Stopped:
    """A process that was signalled."""

    status: int
    err: str
    saved: int
    """Step of the newest checkpoint when it was."""
    seconds: float
    """That it lived on."""


def signalled(place: Path, arguments: list[str], after: int, wait: float, numbers: list[signal.Signals]) -> Stopped:
    """Sends signals to a training once it has saved a step (-1: once it has its directory), and waited so long."""
    target = place / "run"
    with started(place, "train", *arguments, "--out", "run") as process:
        until(lambda: target.exists() and newest_saved(target) >= after, process)
        until(partial(_past, time.monotonic() + wait), process)
        saved, asked = newest_saved(target), time.monotonic()
        for number in numbers:
            process.send_signal(number)
            # A signal that is sent before the one before it was delivered is lost: the system keeps one of a kind.
            until(partial(_past, time.monotonic() + APART), process)
        _, err = process.communicate(timeout=300)
        return Stopped(process.returncode, err, saved, time.monotonic() - asked)


def _past(moment: float) -> bool:
    return time.monotonic() > moment


@fault(
    4,
    "SIGTERM or Ctrl-C at any moment",
    "saved within 10 s, exit code 143 or 130, the message says how to go on; a second one leaves at once",
    short=2,
    full=40,
)
def stop(trials: int, folder: Path) -> Outcome:
    """Signals processes while they load, compile, step and save; in every fifth trial one whose steps are long."""
    rng = random.Random(trials)
    lost = wrong = 0
    longest = longest_second = 0.0
    ends: Counter[str] = Counter()
    for trial in range(trials):
        place = folder / str(trial)
        place.mkdir()
        number, long, twice = rng.choice([signal.SIGINT, signal.SIGTERM]), trial % 5 == 4, trial % 8 == 7
        if long:
            after, wait = 0, rng.uniform(0, 30)
        else:
            after = rng.choice([-1, *range(0, SMALL_STEPS, 10)])
            wait = rng.uniform(0, 3 if after == -1 else 0.1)
        ended = signalled(place, LONG_STEPS if long else SMALL, after, wait, [number] * (2 if twice else 1))
        if ended.status == 0:
            ends["ended before"] += 1
            continue
        wrong += ended.status != 128 + number
        found = SAVED.search(ended.err)
        if twice:
            ends["left at once"] += 1
            longest_second = max(longest_second, ended.seconds)
            continue
        longest = max(longest, ended.seconds)
        wrong += ended.seconds > ALLOWED
        if found:
            ends["saved before a long step's end" if long else "saved"] += 1
            step = load_latest(place / "run" / "checkpoints")[0].step
            wrong += step != int(found[1])
            lost += step < ended.saved
        else:
            ends["before the first step"] += 1
            wrong += UNBEGUN.search(ended.err) is None
            lost += ended.saved >= 0
    wrong += longest_second > 1
    where = ", ".join(f"{what}: {count}" for what, count in sorted(ends.items()))
    return Outcome(
        trials, lost, wrong, f"{where}; ended after {longest:.1f} s at most, {longest_second:.1f} s if twice"
    )


@fault(
    5,
    "SIGKILL at random moments of training, then --resume",
    "with 4 seeds, over changes of the curriculum: parameters, optimiser, random state and curriculum are an "
    "undisturbed run's in every bit, no event is there twice or missing",
    short=1,
    full=25,
)
def kill(trials: int, folder: Path) -> Outcome:
    """Kills a run twice on its way, and compares what it becomes with an undisturbed run."""
    rng = random.Random(trials)
    undisturbed = trained(folder)
    lost = wrong = 0
    steps: list[int] = []
    for trial in range(trials):
        place = folder / str(trial)
        place.mkdir()
        target, arguments = place / "run", [*SMALL, "--out", "run"]
        for after in sorted(rng.sample(range(0, SMALL_STEPS, 10), 2)):
            saved = _killed(place, arguments, after, rng.uniform(0, 0.1))
            steps.append(saved)
            lost += load_latest(target / "checkpoints")[0].step < saved
            arguments = ["--resume", "run"]
        wrong += run(place, "train", *arguments).status != 0
        wrong += not same_run(target, undisturbed)
    return Outcome(
        trials, lost, wrong, f"{len(steps)} kills, after the checkpoints of steps {min(steps)} to {max(steps)}"
    )


def _killed(place: Path, arguments: list[str], after: int, wait: float) -> int:
    """Kills a training some time after it saved a step; returns the step that was saved last before."""
    with started(place, "train", *arguments) as process:
        until(lambda: newest_saved(place / "run") >= after, process)
        until(partial(_past, time.monotonic() + wait), process)
        saved = newest_saved(place / "run")
        process.kill()
        process.communicate()
        return saved

"""Saving that is killed or refused."""

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from neuralgpu.checkpoint import load_latest
from neuralgpu.errors import DamagedRunError

from .processes import program_of, run, started
from .registry import Outcome, fault
from .saving_loop import SHAPE
from .states import digest, state_at

_LONGEST_LIFE = 0.15
"""Seconds for which a process may save before it is killed; a save takes a quarter of that."""


@fault(
    1,
    "SIGKILL at random moments of saving",
    "exactly the old or the new state is loaded, by hash, and at most one interval is lost; who reads meanwhile sees "
    "whole states alone",
    short=10,
    full=200,
)
def killed_while_saving(trials: int, folder: Path) -> Outcome:
    rng, checkpoints = random.Random(1), folder / "checkpoints"
    phases, read, lost, undetected = Counter[str](), 0, 0, 0
    for trial in range(trials):
        with started(folder, checkpoints, program=program_of("saving_loop")) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # it has loaded what the one before it has left
            until = time.monotonic() + rng.uniform(0, _LONGEST_LIFE)
            while (left := until - time.monotonic()) > 0:
                if trial % 2 and list(checkpoints.glob("[0-9]*")):
                    read += 1
                    undetected += _newest(checkpoints) is None
                else:
                    time.sleep(min(left, 0.001))
            process.kill()
            reported = (first + process.stdout.read()).split()
        finished, phase = _moment(reported)
        phases[phase] += 1
        lost += _newest(checkpoints) not in ((finished, finished + 1) if finished else (None, 1))
    fell = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
    return Outcome(trials, lost, undetected, f"kills fell: {fell}; {read} reads by another process meanwhile")


def _newest(checkpoints: Path) -> int | None:
    """Returns the step that is loaded; None where that is no state that was saved, or not without a warning."""
    try:
        found, warnings = load_latest(checkpoints)
    except DamagedRunError:
        return None
    return None if warnings or digest(found) != digest(state_at(found.step, **SHAPE)) else found.step


def _moment(reported: list[str]) -> tuple[int, str]:
    """Returns the last step that was saved to its end, and in which phase of a save the reports stop."""
    last = max((index for index, word in enumerate(reported) if word in ("from", "saved")), default=None)
    if last is None:  # it could not even load what the one before has left
        return sys.maxsize, "before it began"
    done = reported[last + 2 :]
    if not done:
        phase = "between saves"
    elif "rename" not in done:
        phase = "waiting for the disk" if done[-1] == "fsync" else "writing"
    else:
        phase = "renaming" if done[-1] == "rename" and done.count("rename") == 1 else "removing the oldest"
    return int(reported[last + 1]), phase


@fault(
    2,
    "the k-th operation of a save fails, for every k",
    "the old or the new state, by hash; the error is a StorageError (exit 4); the run goes on and clears up",
    short=230,
    full=2000,
)
def refused_while_saving(trials: int, folder: Path) -> Outcome:
    ended = run(folder, folder / "scenes", trials, max(1, trials // 60), program=program_of("saving_refused"))
    assert ended.status == 0, ended.err
    outcomes = Counter[str](json.loads(ended.out))
    wrong = {what: count for what, count in outcomes.items() if what.startswith("undetected")}
    note = (
        "open, mkdir, write, fsync, rename, unlink and rmdir, by SIGKILL, ENOSPC, EIO and a limit of the kernel's: "
        f"the old state in {outcomes['old']}, the new one in {outcomes['new']}"
    )
    return Outcome(outcomes.total(), outcomes["lost"], sum(wrong.values()), "; ".join([note, *wrong]))

"""Two processes are told to train the same run."""

import random
import re
import signal
from pathlib import Path

from neuralgpu.run_lock import holder

from .processes import SMALL, Ended, ended_of, newest_saved, run, same_run, started, trained, until
from .registry import Outcome, fault

REFUSED = re.compile(
    r"^neuralgpu: run is being trained by process (\d+) on .+; wait for it, or stop it with: kill \1\.$"
)


@fault(
    9,
    "two processes on one run",
    "one trains, the other ends with exit code 5 and names it; the run of a dead process is taken over, and ends as an "
    "undisturbed one",
    short=1,
    full=20,
)
def two_processes(trials: int, folder: Path) -> Outcome:
    """Starts two processes on a run at once, and a third later on; kills the one that trains, and goes on with it."""
    rng = random.Random(trials)
    undisturbed = trained(folder)
    found = [_trial(folder / str(trial), undisturbed, rng) for trial in range(trials)]
    lost, wrong = map(sum, zip(*found, strict=True))
    return Outcome(trials, lost, wrong)


def _trial(place: Path, undisturbed: Path, rng: random.Random) -> tuple[int, int]:
    """Returns whether something was lost, and how many things went wrong."""
    place.mkdir()
    new, target, wrong = ["train", *SMALL, "--out", "run"], place / "run", 0
    with started(place, *new) as first, started(place, *new) as second:
        until(lambda: first.poll() is not None or second.poll() is not None, first)
        loser, winner = (first, second) if first.poll() is not None else (second, first)
        loser.wait()
        wrong += not _is_refused(ended_of(loser), winner.pid)
        until(lambda: newest_saved(target) >= 20, winner)
        winner.send_signal(signal.SIGSTOP)  # it holds the run, and cannot end before the third has been refused
        later = run(place, "train", *rng.choice([["--resume", "run"], [*SMALL, "--out", "run", "--force"]]))
        wrong += not _is_refused(later, winner.pid)
        winner.kill()
        winner.wait()
    wrong += holder(target) is not None
    saved = newest_saved(target)
    wrong += run(place, "train", "--resume", "run").status != 0
    return int(newest_saved(target) < saved or not same_run(target, undisturbed)), wrong


def _is_refused(ended: Ended, by: int) -> bool:
    found = REFUSED.search(ended.err.strip())
    return ended.status == 5 and found is not None and int(found[1]) == by

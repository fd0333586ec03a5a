"""Lets each operation of a save fail in turn: `python -m tests.faults.saving_refused FOLDER TRIALS ARRAYS`.

Every trial saves in a process of its own, forked from this one, in which one operation fails or is the last. All
operations are gone through in one way after the other, until there were so many trials. Prints what became of them as
JSON.
"""

import errno
import itertools
import json
import os
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralgpu.checkpoint import Checkpoint, load_latest, save
from neuralgpu.errors import DamagedRunError, StorageError

from .disk_operations import watched
from .states import digest, state_at

FSYNC = os.fsync
THROUGH, UNDISTURBED = 0, 77
"""How a process ends that has saved: after a failure that did not keep it from that, and without one."""


@dataclass(frozen=True)
class Scene:
    """What is there before a state is saved; the newest whole one is the old state."""

    whole: tuple[int, ...]
    damaged: tuple[int, ...]
    step: int
    """That is saved."""


SCENES = {
    "the first": Scene((), (), 2),
    "the next": Scene((2, 4), (), 6),
    "a step again": Scene((2, 4), (), 4),
    "after damage": Scene((2,), (4, 6), 3),
}


@dataclass(frozen=True)
class Stage:
    """A folder in which scenes are set, for states of a number of arrays."""

    folder: Path
    arrays: int

    def state(self, step: int, attempt: int = 0) -> Checkpoint:
        return state_at(step, arrays=self.arrays, attempt=attempt)

    def set(self, scene: Scene) -> Path:
        """Makes the scene's folder anew; made once, it is copied."""
        made, place = (self.folder / f"{kind}-{scene.step}" for kind in ("made", "place"))
        if scene.whole and not made.exists():
            for step in sorted(scene.whole + scene.damaged):
                shutil.copytree(save(self.folder / "one", self.state(step)), made / f"{step:08d}")
                shutil.rmtree(self.folder / "one")
            for step in scene.damaged:
                os.truncate(made / f"{step:08d}" / "state.json", 5)
        shutil.rmtree(place, ignore_errors=True)
        if scene.whole:
            shutil.copytree(made, place)
        return place


def failing_at(number: int, fail: Callable[[], None], *, torn: bool) -> Any:
    """Lets the operation of that number fail; if it writes, perhaps after it has written half."""
    left, write = itertools.count(), os.write

    def before(name: str, arguments: tuple[Any, ...]) -> None:
        if next(left) == number:
            if name == "write" and torn:
                write(arguments[0], arguments[1][: len(arguments[1]) // 2])
            fail()

    return watched(before), lambda: next(left) > number


def refuse(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def limited(number: int) -> Any:
    """Lets the kernel refuse to make a file longer than so many times 64 bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * number, resource.RLIM_INFINITY))
    return nullcontext(), lambda: False


FAILURES: dict[str, Callable[[int], Any]] = {
    "SIGKILL": lambda number: failing_at(number, die, torn=True),
    "ENOSPC": lambda number: failing_at(number, refuse(errno.ENOSPC), torn=True),
    "EIO": lambda number: failing_at(number, refuse(errno.EIO), torn=False),
    "a file's limit": limited,
}


def ended(place: Path, checkpoint: Checkpoint, failure: str, number: int) -> int:
    """Saves in another process, in which an operation fails, and returns how that one ended."""
    child = os.fork()
    if child == 0:
        status, os.fsync = 1, FSYNC
        try:
            disturbed, fell = FAILURES[failure](number)
            with disturbed:
                save(place, checkpoint)
            status = THROUGH if fell() else UNDISTURBED
        except StorageError as error:
            status = error.exit_code
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def survived(stage: Stage, scene: Scene, place: Path, status: int) -> str:
    """Says which state is loaded after a trial: "old" or "new"; anything else is what went wrong."""
    new = stage.state(scene.step, attempt=1)
    old = {digest(stage.state(max(scene.whole)))} if scene.whole else set()
    try:
        found = digest(load_latest(place)[0])
    except DamagedRunError:
        found = None
    if found not in {digest(new), *(old or {None})}:
        return "lost"
    if status in (THROUGH, UNDISTURBED) and found != digest(new):
        return "undetected: a save came to its end, and the old state is loaded"
    if status not in (THROUGH, UNDISTURBED, StorageError.exit_code, -signal.SIGKILL):
        return f"undetected: exit code {status}"
    # The run goes on, and what was left lies around no longer.
    following = stage.state(scene.step + 1)
    save(place, following)
    there = sorted(path.name for path in place.iterdir())
    if digest(load_latest(place)[0]) != digest(following) or not all(name.isdigit() for name in there):
        return f"undetected: the run goes on with {there}"
    return "new" if found == digest(new) else "old"


def main() -> None:
    os.fsync = lambda handle: None  # what sets the scenes need not outlast the power
    trials, stage = int(sys.argv[2]), Stage(Path(sys.argv[1]), int(sys.argv[3]))
    outcomes = Counter[str]()
    for failure in FAILURES:
        if outcomes.total() >= trials:
            break
        for scene in SCENES.values():
            for number in itertools.count():
                place = stage.set(scene)
                status = ended(place, stage.state(scene.step, attempt=1), failure, number)
                outcomes[survived(stage, scene, place, status)] += 1
                if status == UNDISTURBED:
                    break
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()

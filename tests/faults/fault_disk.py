"""The disk is too small, full, gone or read-only."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neuralgpu.checkpoint import load_latest

from .processes import SMALL, Ended, ended_of, newest_saved, run, same_run, started, trained, until
from .registry import Outcome, fault

REFUSED = re.compile(r"^neuralgpu: [^\n]+\.$", flags=re.MULTILINE)
SIZES = re.compile(r"\(.* needed, .* free\); .*make room")


class Disk:
    """A folder that is a small disk of its own, where this machine lets somebody mount one."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        """Mounts it."""
        self.folder = folder
        folder.mkdir()
        self.mounted = self._mount(f"size={kilobytes}k")

    def write(self, *, allowed: bool) -> None:
        """Allows or forbids to write."""
        assert self._mount("remount,rw" if allowed else "remount,ro")

    def unmount(self) -> None:
        """Ends it."""
        if self.mounted:
            subprocess.run(["umount", self.folder], check=True)

    def _mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        return (
            shutil.which("mount") is not None
            and subprocess.run(command, capture_output=True, check=False).returncode == 0
        )


@contextmanager
def disk(folder: Path, kilobytes: int = 4096) -> Iterator[Disk]:
    """Gives a disk for a while."""
    made = Disk(folder, kilobytes)
    try:
        yield made
    finally:
        made.unmount()


@dataclass(frozen=True)
class Trial:
    """What became of a run whose disk was disturbed."""

    refused: bool
    """It ended with exit code 4 and a line that says why."""
    kept: bool
    """What was saved before is still there."""
    resumed: bool
    """It ended as an undisturbed run when the disk was well again."""


Way = Callable[[Path, Path, int], Trial | None]


@fault(
    8,
    "disk full, too small, read-only or missing",
    "the checkpoints before are intact, exit code 4, the message says what is needed and what is free; refused before "
    "compiling where it can be known; with the disk well again, --resume ends as an undisturbed run",
    short=1,
    full=40,
)
def storage(trials: int, folder: Path) -> Outcome:
    """Disturbs one run after the other, each in the next way."""
    undisturbed = trained(folder)
    ways: dict[str, Way] = {"full": _full, "too small": _too_small, "missing": _missing, "read-only": _read_only}
    counts: Counter[str] = Counter()
    lost = wrong = 0
    for trial in range(trials):
        (name, way), place = list(ways.items())[trial % len(ways)], folder / str(trial)
        place.mkdir()
        found = way(place, undisturbed, 10 * (trial % 9))
        if found is None:
            counts[f"{name}, left out where nobody may mount a disk"] += 1
            continue
        counts[name] += 1
        lost += not (found.kept and found.resumed)
        wrong += not found.refused
    return Outcome(trials, lost, wrong, ", ".join(f"{what}: {count}" for what, count in sorted(counts.items())))


def _full(place: Path, undisturbed: Path, after: int) -> Trial:
    """Somebody fills the disk; where there is none to be had, files may no longer grow."""
    with disk(place / "disk") as made:
        target, filler = made.folder / "run", made.folder / "filler"
        with started(place, "train", *SMALL, "--out", target) as process:
            until(lambda: newest_saved(target) >= after, process)
            saved = newest_saved(target)
            if made.mounted:
                _fill(filler)
            else:
                subprocess.run(["prlimit", f"--pid={process.pid}", "--fsize=100"], check=True)
            ended = ended_of(process)
        kept = _keeps(target, saved)
        filler.unlink(missing_ok=True)
        return Trial(
            _is_refused(ended) and SIZES.search(ended.err) is not None, kept, _resumes(place, target, undisturbed)
        )


def _too_small(place: Path, undisturbed: Path, after: int) -> Trial | None:
    """The disk cannot hold the run's checkpoints."""
    with disk(place / "disk", kilobytes=32) as made:
        if not made.mounted:
            return None
        target = made.folder / "run"
        ended = run(place, "train", *SMALL, "--out", target)
        refused = _is_refused(ended) and SIZES.search(ended.err) is not None and newest_saved(target) == -1
    return Trial(refused, kept=True, resumed=True)


def _missing(place: Path, undisturbed: Path, after: int) -> Trial:
    """The run's directory goes away, and comes back."""
    target, elsewhere = place / "run", place / "elsewhere"
    with started(place, "train", *SMALL, "--out", target) as process:
        until(lambda: newest_saved(target) >= after, process)
        saved = newest_saved(target)
        target.rename(elsewhere)
        ended = ended_of(process)
    refused = _is_refused(ended) and not target.exists()
    elsewhere.rename(target)
    return Trial(refused, _keeps(target, saved), _resumes(place, target, undisturbed))


def _read_only(place: Path, undisturbed: Path, after: int) -> Trial | None:
    """The disk of an interrupted run may only be read."""
    with disk(place / "disk") as made:
        if not made.mounted:
            return None
        target = made.folder / "run"
        with started(place, "train", *SMALL, "--out", target) as process:
            until(lambda: newest_saved(target) >= after, process)
            saved = newest_saved(target)
            process.send_signal(signal.SIGTERM)
            ended_of(process)
        made.write(allowed=False)
        ended = run(place, "train", "--resume", target)
        refused = _is_refused(ended) and "Read-only file system" in ended.err and "compiling" not in ended.err
        made.write(allowed=True)
        return Trial(refused, _keeps(target, saved), _resumes(place, target, undisturbed))


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def _is_refused(ended: Ended) -> bool:
    return ended.status == 4 and len(REFUSED.findall(ended.err)) == 1


def _keeps(target: Path, saved: int) -> bool:
    return load_latest(target / "checkpoints")[0].step >= saved


def _resumes(place: Path, target: Path, undisturbed: Path) -> bool:
    return run(place, "train", "--resume", target).status == 0 and same_run(target, undisturbed)

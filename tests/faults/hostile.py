"""Reads files that mean harm: `python -m tests.faults.hostile FOLDER EXAMPLES`.

Each example is written to the disk and read by what reads it in a run, with little more memory than the process had
before. Prints, as JSON, how many were tried, and whatever came of them but a value or one of our own errors.
"""

import json
import os
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralgpu.array_file import array_blocks
from neuralgpu.checkpoint import examine, load_latest, prune, save
from neuralgpu.errors import UserError
from neuralgpu.manifest import write_folder
from neuralgpu.reporting.run_record import read_run
from neuralgpu.rows import read_rows
from neuralgpu.run_directory import RunDirectory, open_run
from neuralgpu.training.standing import standing_of

from .hostile_files import ARRAYS, BYTES, CONFIG, LINES, STANDINGS, TOML
from .states import state_at

ROOM = 256 << 20
"""Bytes of memory that an example may take."""
PATIENCE = 20
"""Seconds that it may take."""
CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
ODDITIES = st.sampled_from(["link", "loop", "out", "folder", "pipe", "device", "file", "many"])
PLACES = st.sampled_from(
    ["00000004", *(f"00000004/{name}" for name in ("arrays.safetensors", "state.json", "manifest.json", "more")), "."]
)


def put(path: Path, oddity: str) -> None:
    """Puts something that is no plain file, or one where a folder should be, into a place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match oddity:
        case "link":
            path.symlink_to(path.with_name("00000002"))
        case "loop":
            path.symlink_to(path)
        case "out":
            path.symlink_to("/etc/hostname")
        case "folder":
            (path / "in" / "it").mkdir(parents=True)
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "file":
            path.write_bytes(b"x")
        case _:
            path.mkdir()
            for number in range(50):
                (path / f"{number:08d}").symlink_to("..")


class Trials:
    """Counts examples, and what came of them that should not have."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.done = folder, Counter[str]()
        self.escaped: list[str] = []
        self.taken = 0
        """The most memory by which an example made the process larger than it ever was, in bytes."""

    def run(self, examples: int) -> None:
        """Draws so many examples, of each kind as many."""
        kinds = {
            "safetensors": (ARRAYS, self.arrays),
            "states": (STANDINGS | BYTES, self.state),
            "manifests": (BYTES, self.manifest),
            "links and other strange files": (st.tuples(PLACES, ODDITIES), self.strange),
            "settings": (TOML, self.config),
            "logs": (LINES, self.logs),
        }
        for kind, (drawn, read) in kinds.items():
            self._draw(kind, drawn, read, -(-examples // len(kinds)))

    def _draw(self, kind: str, drawn: st.SearchStrategy[Any], read: Callable[[Any], None], examples: int) -> None:
        @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=CHECKS)
        @given(drawn)
        def each(example: Any) -> None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self.done[kind] += 1
            read(example)

        each()

    def _attempt(self, *readings: Callable[[], object]) -> int:
        """Reads and returns how often one of our errors came of it."""
        refused, before = 0, memory()
        for read in readings:
            signal.alarm(PATIENCE)
            try:
                with little_room():
                    read()
            except UserError:
                refused += 1
            except BaseException as error:
                self.escaped.append(f"{type(error).__name__}: {str(error)[:300]}")
            finally:
                signal.alarm(0)
        self.taken = max(self.taken, memory() - before)
        return refused

    def arrays(self, data: bytes) -> None:
        write_folder(self.folder / "00000004", {"arrays.safetensors": [data], "state.json": [b'{"step": 4}']})
        self._attempt(lambda: load_latest(self.folder), lambda: examine(self.folder))

    def state(self, data: bytes) -> None:
        arrays = array_blocks(state_at(4).arrays)
        write_folder(self.folder / "00000004", {"arrays.safetensors": arrays, "state.json": [data]})
        self._attempt(lambda: standing_of(load_latest(self.folder)[0], CONFIG))

    def manifest(self, data: bytes) -> None:
        (save(self.folder, state_at(4)) / "manifest.json").write_bytes(data)
        if not self._attempt(lambda: load_latest(self.folder)):
            self.escaped.append(f"a manifest was believed: {data[:300]!r}")

    def strange(self, drawn: tuple[str, str]) -> None:
        place, oddity = drawn
        checkpoints = self.folder / "checkpoints"
        for step in (2, 4):
            save(checkpoints, state_at(step))
        put(checkpoints / place, oddity)
        self._attempt(
            lambda: load_latest(checkpoints),
            lambda: examine(checkpoints),
            lambda: prune(checkpoints),
            lambda: save(checkpoints, state_at(6)),
        )

    def config(self, data: bytes) -> None:
        (self.folder / "config.toml").write_bytes(data)
        self._attempt(lambda: open_run(self.folder), lambda: read_run(self.folder))

    def logs(self, data: bytes) -> None:
        run = RunDirectory(self.folder)
        run.config_file.write_text(CONFIG.to_toml(), encoding="utf-8")
        for log in (run.events_file, run.results_file):
            log.write_bytes(data)
        self._attempt(
            lambda: read_run(run.path), lambda: read_rows(run.results_file), lambda: run.forget_events_after(2)
        )


class TooLong(BaseException):
    """What no reader takes for a disk's error."""


def too_long(number: int, frame: object) -> NoReturn:
    raise TooLong(f"it took more than {PATIENCE} seconds")


def memory() -> int:
    """Returns the most memory that the process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def little_room() -> Iterator[None]:
    """Lets the process have little more memory than it has now, where the kernel keeps count."""
    if sys.platform != "linux":
        yield
        return
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def main() -> None:
    trials = Trials(Path(sys.argv[1]))
    signal.signal(signal.SIGALRM, too_long)
    trials.run(12)  # what is imported on the way is not what an example takes
    trials.done.clear()
    trials.taken = 0
    trials.run(int(sys.argv[2]))
    print(json.dumps({"done": trials.done, "escaped": trials.escaped, "taken": trials.taken}))


if __name__ == "__main__":
    main()

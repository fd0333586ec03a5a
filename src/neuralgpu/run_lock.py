"""One process at a time writes a run: a lock that the kernel lets go of when its owner dies, however it dies."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from neuralgpu.disk import make_folder
from neuralgpu.errors import BusyRunError, StorageError

LOCK_FILE = "lock"
_PATIENCE = 0.5
"""Seconds in which somebody who only looks who holds a lock lets go of it again, and its owner writes its name."""


@dataclass(frozen=True)
class Holder:
    """Who holds a run."""

    pid: int | None
    """None where it has not said."""
    host: str
    since: float
    """Unix seconds."""

    def __str__(self) -> str:
        form = "%H:%M" if time.time() - self.since < 12 * 3600 else "%Y-%m-%d %H:%M"
        who = "another process" if self.pid is None else f"process {self.pid}"
        return f"{who} on {self.host} since {time.strftime(form, time.localtime(self.since))}"

    @property
    def remedy(self) -> str:
        """What a user can do who wants the run."""
        if self.pid is None:
            return "wait for it"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"wait for it, or stop it{place} with: kill {self.pid}"


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Holds a run directory, which is made where it is missing, against other processes until the context ends.

    The file of the lock stays: to remove it would be to lock one file while another process locks the next.

    Raises:
        BusyRunError: another process holds it.
        StorageError: the directory cannot be written, or its file system knows no locks.
    """
    try:
        make_folder(run)
        handle = os.open(run / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(f"Cannot write to {run}: {error.strerror}; choose another directory.") from error
    try:
        if not _taken(handle, fcntl.LOCK_EX, run):
            found = _name(handle)
            raise BusyRunError(f"{run} is being trained by {found}; {found.remedy}.")
        _write(handle, json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), round(time.time(), 3)))), run)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(run: Path) -> Holder | None:
    """Says who holds a run now; None when nobody does: it is not locked, or who locked it is dead.

    Raises:
        StorageError: the lock cannot be looked at.
    """
    try:
        handle = os.open(run / LOCK_FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"Cannot read {run / LOCK_FILE}: {error.strerror}; make it readable.") from error
    try:
        # A shared lock, which many may look through at once; closing lets go of it.
        return None if _taken(handle, fcntl.LOCK_SH, run) else _name(handle)
    finally:
        os.close(handle)


def _taken(handle: int, kind: int, run: Path) -> bool:
    """Tries to lock until the holder is known to be one that stays."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until or (kind == fcntl.LOCK_SH and _name(handle).pid is not None):
                return False
            time.sleep(0.01)
        except OSError as error:
            raise StorageError(
                f"{run} cannot be locked: {error.strerror}; choose a directory on a file system that knows locks."
            ) from error


def _name(handle: int) -> Holder:
    """Reads what a holder has written of itself."""
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return Holder(int(found["pid"]), str(found["host"]), float(found["since"]))
    except (ValueError, KeyError, TypeError, OSError):  # it has not written yet, or is not ours
        return Holder(None, socket.gethostname(), os.fstat(handle).st_mtime)


def _write(handle: int, text: str, run: Path) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError as error:
        raise StorageError(f"Cannot write to {run}: {error.strerror}; make room.") from error

"""Room on a disk: what is needed, what is free."""

import shutil
import tempfile
from pathlib import Path

from neuralgpu.errors import StorageError
from neuralgpu.model.memory import bytes_text


def check_room(folder: Path, needed: int) -> None:
    """Refuses a folder, which is made where it is missing, that has no room or cannot be written.

    Raises:
        StorageError: the message says what is needed and what is free.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if shutil.disk_usage(folder).free >= needed:
            return
    except OSError as error:
        raise refusal(folder, error.strerror, needed) from error
    raise refusal(folder, "No space left on device", needed)


def refusal(
    path: Path, reason: str | None, needed: int, remedy: str = "make room, or choose another --out"
) -> StorageError:
    """Returns the error of what was not written, with what it needs and what is free."""
    existing = next((place for place in (path, *path.absolute().parents) if place.exists()), None)
    free = "" if existing is None else f", {bytes_text(shutil.disk_usage(existing).free)} free"
    return StorageError(f"Cannot write to {path}: {reason} ({bytes_text(needed)} needed{free}); {remedy}.")

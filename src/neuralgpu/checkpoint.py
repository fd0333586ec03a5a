"""Checkpoints: safetensors and JSON under a manifest of sizes and SHA-256, renamed into place.

None of the libraries that read these formats notices a flipped bit in a payload; the manifest does. All of it does
without JAX.
"""

import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuralgpu import disk, manifest
from neuralgpu.array_file import array_blocks, load_arrays
from neuralgpu.errors import DamagedRunError, StorageError
from neuralgpu.manifest import verify_folder, write_folder
from neuralgpu.room import refusal

_ARRAYS, _STATE = "arrays.safetensors", "state.json"
_LARGEST_STATE = 1 << 26
"""Bytes; a seed has about a thousand."""
_NAME = re.compile(r"(?=[0-9]{8}$|[1-9])[0-9]{8,16}|\.[0-9]{8,16}\.replaced")
KEPT = 2
"""Number of checkpoints that a run keeps."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified state of a run."""

    step: int
    arrays: Mapping[str, np.ndarray]
    """Parameters under "model...", the optimiser's state under "moments..."; seeds along the leading axis."""
    state: Mapping[str, Any]
    """Everything that is not an array."""


@dataclass(frozen=True)
class Finding:
    """What a look at a checkpoint on the disk showed."""

    path: Path
    step: int
    bytes: int
    """Of all its files."""
    saved: float
    """Unix seconds."""
    state: Mapping[str, Any]
    """Everything in it that is not an array; nothing where it is damaged."""
    damage: str | None
    """What is wrong with it, None where it is whole."""


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Writes a checkpoint into `folder/<step>`; what is there before stays whole until the new one is.

    Older ones are removed then, but for the newest that is whole beside the new one; so are those of later steps, which
    the run has been set back from.

    Raises:
        StorageError: the disk refused.
    """
    final = folder / f"{checkpoint.step:08d}"
    partial = disk.partial_of(final)
    try:
        disk.make_folder(folder)
        _clear(partial)
        state = json.dumps({"step": checkpoint.step, **checkpoint.state}, indent=1).encode()
        write_folder(partial, {_ARRAYS: array_blocks(checkpoint.arrays), _STATE: [state]})
        if final.exists():
            # Found under this name if the process ends before the next rename.
            _clear(_hidden(final, "replaced"))
            os.rename(final, _hidden(final, "replaced"))
        os.rename(partial, final)
        disk.sync_folder(folder)
    except OSError as error:
        needed = sum(array.nbytes for array in checkpoint.arrays.values())
        remedy = "earlier checkpoints are intact: make room, then use --resume"
        raise refusal(final, error.strerror, needed, remedy) from error
    with suppress(OSError, DamagedRunError):  # what cannot be removed now is after the next one
        _tidy(folder)
        found = _found(folder)
        _remove([path for path in found if _step_of(path) > checkpoint.step])
        older = [path for path in found if path != final and _step_of(path) <= checkpoint.step]
        _remove(_superseded(older, KEPT - 1))
    return final


def load_latest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """Loads the newest checkpoint that its manifest vouches for.

    Returns:
        The checkpoint, and one warning for every newer one that was damaged.

    Raises:
        DamagedRunError: there is no checkpoint, or none is whole.
    """
    while True:
        found = _found(folder)
        if not found:
            raise DamagedRunError(
                f"{folder} holds no checkpoint; the run stopped before its first one. Train again with --force."
            )
        warnings: list[str] = []
        for path in reversed(found):
            try:
                checkpoint = _load(path)
            except DamagedRunError as error:
                if path.exists():  # otherwise the run that is being trained has removed it
                    warnings.append(str(error))
            else:
                return checkpoint, [
                    f"{warning} Using the checkpoint of step {checkpoint.step}." for warning in warnings
                ]
        if _found(folder) == found:
            raise DamagedRunError(" ".join(warnings) + " No whole checkpoint is left; train again with --force.")


def check_sizes(folder: Path) -> None:
    """Looks whether there can be a whole checkpoint, by the sizes of the files alone, which takes no time.

    Raises:
        DamagedRunError: there are checkpoints, and none can be whole.
    """
    damage: list[str] = []
    for path in reversed(_found(folder)):
        try:
            return manifest.check_sizes(path, (_ARRAYS, _STATE))
        except DamagedRunError as error:
            if path.exists():  # otherwise the run that is being trained has removed it
                damage.append(str(error))
    if damage:
        raise DamagedRunError(" ".join(damage) + " No whole checkpoint is left; train again with --force.")


def examine(folder: Path) -> list[Finding]:
    """Verifies every file of every checkpoint and returns what was found, the oldest first.

    Raises:
        DamagedRunError: the folder cannot be read.
    """
    return [finding for finding in map(_examined, _found(folder)) if finding.path.exists()]


def prune(folder: Path, keep: int = KEPT) -> tuple[list[Finding], int]:
    """Removes all checkpoints but the newest whole ones, and what killed processes have left.

    Args:
        folder: the run's checkpoints, while nobody trains it.
        keep: number of checkpoints to keep, at least one.

    Returns:
        What was found of those that were removed, and the number of bytes that are free now.

    Raises:
        DamagedRunError: none is whole; nothing was removed.
        StorageError: the disk refused.
    """
    findings = examine(folder)
    if all(finding.damage for finding in findings):
        raise DamagedRunError(f"{folder} holds no whole checkpoint; nothing was removed. Train again with --force.")
    kept = [finding for finding in findings if finding.damage is None][-keep:]
    removed = [finding for finding in findings if finding not in kept]
    try:
        before = _bytes_below(folder)
        _remove(finding.path for finding in removed)
        _tidy(folder)
        return removed, before - _bytes_below(folder)
    except OSError as error:
        raise StorageError(f"Cannot remove from {folder}: {error.strerror}; make it writable.") from error


def _load(path: Path) -> Checkpoint:
    verify_folder(path, (_ARRAYS, _STATE))
    file = path / _STATE
    try:
        state = json.loads(disk.read_file(file, _LARGEST_STATE))
        arrays = load_arrays(path / _ARRAYS)
    except OSError as error:
        raise DamagedRunError(f"A file of {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested beyond Python's limits
        raise DamagedRunError(f"{file} is damaged: it is not JSON.") from error
    step = state.pop("step", None) if isinstance(state, dict) else None
    if type(step) is not int or step != _step_of(path):
        raise DamagedRunError(f"{file} is damaged: it is not of step {_step_of(path)}.")
    return Checkpoint(step, arrays, state)


def _examined(path: Path) -> Finding:
    size, saved, state, damage = 0, 0.0, {}, None
    with suppress(OSError):
        saved = path.lstat().st_mtime
        size = _bytes_below(path)
    try:
        state = _load(path).state
    except DamagedRunError as error:
        damage = str(error)
    return Finding(path, _step_of(path), size, saved, state, damage)


def _bytes_below(folder: Path) -> int:
    entries = [path.lstat() for path in folder.rglob("*")]
    return sum(entry.st_size for entry in entries if stat.S_ISREG(entry.st_mode))


def _found(folder: Path) -> list[Path]:
    """Returns the checkpoints of a folder, the oldest first."""
    try:
        names = set(os.listdir(folder)) if folder.exists() else set()
    except OSError as error:
        raise DamagedRunError(f"{folder} cannot be read: {error.strerror}.") from error
    found = [folder / name for name in names if _NAME.fullmatch(name)]
    return sorted((path for path in found if path.name[0] != "." or _final(path).name not in names), key=_step_of)


def _step_of(path: Path) -> int:
    return int(_final(path).name)


def _final(path: Path) -> Path:
    return path.with_name(path.name.strip(".").removesuffix(".replaced"))


def _hidden(path: Path, why: str) -> Path:
    return path.with_name(f".{_final(path).name}.{why}")


def _superseded(paths: Sequence[Path], keep: int) -> Iterator[Path]:
    """Yields those of several checkpoints, the oldest first, that are older than the newest whole ones, or damaged."""
    for path in reversed(paths):
        if keep and _is_whole(path):
            keep -= 1
        else:
            yield path


def _is_whole(path: Path) -> bool:
    try:
        verify_folder(path, (_ARRAYS, _STATE))
    except DamagedRunError:
        return False
    return True


def _remove(paths: Iterable[Path]) -> None:
    """Removes checkpoints, each of which is there as a whole or not at all meanwhile."""
    for path in paths:
        going = _hidden(path, "removed")
        _clear(going)
        os.rename(path, going)
        _clear(going)


def _tidy(folder: Path) -> None:
    """Removes what processes have left that were killed while they saved or removed."""
    for path in folder.glob(".*.replaced"):
        if not _final(path).exists():
            os.rename(path, _final(path))
    for leftovers in (".*.replaced", ".*.partial", ".*.removed"):
        _clear(*folder.glob(leftovers))


def _clear(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

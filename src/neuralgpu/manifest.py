"""A folder of files under a manifest of their sizes and SHA-256, which vouches for itself, too."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from neuralgpu import disk
from neuralgpu.errors import DamagedRunError

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 1 << 14


def write_folder(folder: Path, files: Mapping[str, Iterable[bytes | memoryview]]) -> None:
    """Makes a folder of the files and their manifest, and waits until the disk has them; the folder's name it may lack.

    Raises:
        OSError: the disk refused.
    """
    os.mkdir(folder)
    sums = {name: disk.write_file(folder / name, blocks) for name, blocks in files.items()}
    disk.write_file(folder / MANIFEST, [_text(sums)])
    disk.sync_folder(folder)


def verify_folder(folder: Path, names: Iterable[str]) -> None:
    """Reads every file of a folder and holds it against the manifest.

    Raises:
        DamagedRunError: one is missing, is one too many, is no plain file or is not as it was written; the message
            names it.
    """
    try:
        if folder.is_symlink():
            raise OSError(0, "it is a link")
        # Hidden files are the system's: a desktop's view of the folder, one that was removed while it was open.
        strange = {name for name in os.listdir(folder) if not name.startswith(".")} - {*names, MANIFEST}
    except OSError as error:
        raise DamagedRunError(f"{folder} cannot be read: {error.strerror}.") from error
    if strange:
        raise DamagedRunError(f"{folder / min(strange)} is damaged: it is no part of what was written.")
    sums = _vouched(folder / MANIFEST, names)
    for name, wanted in sums.items():
        file = folder / name
        try:
            intact = file.lstat().st_size == wanted.bytes and disk.sum_of(file) == wanted
        except OSError as error:
            raise DamagedRunError(f"{file} cannot be read: {error.strerror}.") from error
        if not intact:
            raise DamagedRunError(f"{file} is damaged: it differs from its SHA-256 in {MANIFEST}.")


def check_sizes(folder: Path, names: Iterable[str]) -> None:
    """Holds the sizes of a folder's files against the manifest, without reading them.

    Raises:
        DamagedRunError: one is missing or has another size, or the manifest is damaged.
    """
    for name, wanted in _vouched(folder / MANIFEST, names).items():
        try:
            size = (folder / name).lstat().st_size
        except OSError as error:
            raise DamagedRunError(f"{folder / name} cannot be read: {error.strerror}.") from error
        if size != wanted.bytes:
            raise DamagedRunError(f"{folder / name} is damaged: it has {size} bytes, not {wanted.bytes}.")


def _text(sums: Mapping[str, disk.Sum]) -> bytes:
    """Returns the manifest, whose own sum keeps a damaged one from accusing another file."""
    files = {name: asdict(of_file) for name, of_file in sums.items()}
    own = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    return json.dumps({"files": files, "sha256": own}, indent=1).encode()


def _vouched(path: Path, names: Iterable[str]) -> dict[str, disk.Sum]:
    sums: dict[str, disk.Sum] = {}
    try:
        data = disk.read_file(path, _LARGEST_MANIFEST)
    except OSError as error:
        raise DamagedRunError(f"{path} cannot be read: {error.strerror}.") from error
    with suppress(ValueError, RecursionError, KeyError, TypeError):  # not what `_text` writes
        files = json.loads(data)["files"]
        sums = {name: disk.Sum(files[name]["bytes"], files[name]["sha256"]) for name in names}
    if data != _text(sums):
        raise DamagedRunError(f"{path} is damaged: it differs from its own SHA-256.")
    return sums

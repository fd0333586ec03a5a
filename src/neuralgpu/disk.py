"""Files that are whole or not there, whenever the process is killed or the power cut.

What is written is synced, renamed into place, and the folder synced that holds it. What is read has to be a plain
file of a bounded size: no link leads elsewhere, no pipe keeps waiting, no device goes on without end.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Sum:
    """What a file's content is known by."""

    bytes: int
    sha256: str


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it that are missing, so that they last."""
    if path.is_dir():
        return
    parent = path.absolute().parent
    if not parent.exists():
        make_folder(parent)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not path.is_dir():  # otherwise another process made it
            raise
    sync_folder(parent)


def write_file(path: Path, blocks: Iterable[bytes | memoryview]) -> Sum:
    """Writes a new file, or in place of what is there, and waits until the disk has it.

    Its name lasts once its folder is synced. Blocks are written as they come, so that a file may be larger than memory.
    """
    digest, total = hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    try:
        for block in blocks:
            for part in _parts(memoryview(block).cast("B")):
                digest.update(part)
                total += len(part)
                while part:
                    part = part[os.write(handle, part) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    return Sum(total, digest.hexdigest())


def replace_file(path: Path, data: bytes) -> None:
    """Puts a file in the place of another; at any moment one of the two is there, and is whole."""
    partial = partial_of(path)
    write_file(partial, [data])
    os.replace(partial, path)
    sync_folder(path.absolute().parent)


def partial_of(path: Path) -> Path:
    """Returns where a file or folder is made before it is renamed into place."""
    return path.with_name(f".{path.name}.partial")


def sync_folder(path: Path) -> None:
    """Waits until the disk has the names in a folder."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path, most: int) -> bytes:
    """Reads a plain file.

    Raises:
        OSError: it cannot be read, is something else, or is larger than `most` bytes.
    """
    with _opened(path) as handle:
        data = b"".join(_blocks_of(handle, most + 1))
    if len(data) > most:
        raise OSError(0, f"it has more than {most:,} bytes")
    return data


def sum_of(path: Path) -> Sum:
    """Reads a plain file block by block and returns what its content is known by.

    Raises:
        OSError: it cannot be read, or is something else.
    """
    digest, total = hashlib.sha256(), 0
    with _opened(path) as handle:
        for block in _blocks_of(handle, os.fstat(handle).st_size + 1):
            digest.update(block)
            total += len(block)
    return Sum(total, digest.hexdigest())


def _parts(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), _BLOCK):
        yield view[start : start + _BLOCK]


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    if path.is_symlink():
        raise OSError(0, "it is a link")
    # A pipe is opened without waiting for its other end.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no plain file")
        yield handle
    finally:
        os.close(handle)


def _blocks_of(handle: int, most: int) -> Iterator[bytes]:
    while most > 0 and (block := os.read(handle, min(_BLOCK, most))):
        most -= len(block)
        yield block

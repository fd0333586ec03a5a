"""Follows a JSON-lines log that another process writes."""

from pathlib import Path
from typing import Any, NamedTuple

from neuralgpu.errors import DamagedRunError
from neuralgpu.rows import read_line


class Lines(NamedTuple):
    """What a log holds beyond what was read before."""

    records: list[dict[str, Any]]
    anew: bool
    """Whether what was read before is no longer in the log: a resumed run has forgotten the end of it, or another run
    has taken its place. The records then are all that it holds now."""


class LogFollower:
    """Reads a log bit by bit; a line that is not whole yet is left for the next time."""

    def __init__(self, path: Path) -> None:
        """Begins before the first line."""
        self._path = path
        self._last: bytes | None = None
        self._end = self._number = 0

    def read(self) -> Lines:
        """Returns the lines since the last call; `anew` is set in the first one.

        Raises:
            DamagedRunError: the file cannot be read, or a line is not a JSON object.
        """
        last = self._last or b""
        data = self._bytes(self._end - len(last))
        anew = self._last is None or not data.startswith(last)
        if anew:
            self._end = self._number = 0
            data = self._bytes(0)
        else:
            data = data[len(last) :]
        *lines, _ = data.split(b"\n")
        records = [read_line(line, self._path, number) for number, line in enumerate(lines, start=self._number + 1)]
        self._number += len(lines)
        self._end += sum(len(line) + 1 for line in lines)
        if lines or anew:
            self._last = lines[-1] + b"\n" if lines else b""
        return Lines(records, anew)

    def _bytes(self, start: int) -> bytes:
        try:
            if self._path.exists() and not self._path.is_file():  # a pipe would be waited for
                raise OSError(0, "it is no file")
            with self._path.open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise DamagedRunError(f"{self._path} cannot be read ({error.strerror}); restore it from a copy.") from error

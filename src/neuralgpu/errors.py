"""The errors that users see: what came, what is allowed, what to do next."""

import difflib
import reprlib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave cannot be used; shown as one line, without a traceback."""

    exit_code = 2


class DamagedRunError(UserError):
    """No state of a run can be loaded without doubt."""

    exit_code = 3


class StorageError(UserError):
    """The disk is full, read-only or missing."""

    exit_code = 4


class BusyRunError(UserError):
    """Another process holds the run."""

    exit_code = 5


def shown(value: object) -> str:
    """Writes what came into a message, its middle left out where it is long.

    >>> shown("x" * 1000)
    "'xxxxxxxxxxxx...xxxxxxxxxxxxx'"
    """
    return reprlib.repr(value)


def nearest_name(given: str, allowed: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the closest allowed name, or "" when none is close."""
    close = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def unknown_name(kind: str, given: str, allowed: Iterable[str], remedy: str = "") -> UserError:
    """Builds the error for a name that no registry holds.

    >>> print(unknown_name("task", "bad", ["badd", "bmul"]))
    There is no task 'bad'. Did you mean 'badd'? Allowed: badd, bmul.
    """
    names = sorted(allowed)
    listing = remedy or f"Allowed: {', '.join(names)}."
    return UserError(f"There is no {kind} {shown(given)}.{nearest_name(given, names)} {listing}")

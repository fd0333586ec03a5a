"""Trained models that come with the package: a run directory each, with one checkpoint and its judgement."""

import shutil
from pathlib import Path

from neuralgpu.errors import UserError, unknown_name
from neuralgpu.run_directory import RunDirectory, check_new

_FOLDER = Path(__file__).parent
CARD = Path("judgement", "report.md")
"""Model card: what the examiner found out, in a run directory."""


def shipped_names() -> list[str]:
    """Returns the names of all models, each that of the task it was trained for."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/config.toml"))


def find_shipped(name: str) -> RunDirectory:
    """Returns the run directory of a model; nothing may be written there.

    Raises:
        UserError: there is none of that name.
    """
    if name not in shipped_names():
        raise unknown_name("shipped model", name, shipped_names())
    return RunDirectory(_FOLDER / name, writable=False)


def copy_shipped(name: str, path: Path) -> RunDirectory:
    """Copies a model to a run directory of one's own, which can be judged, searched and trained on.

    Raises:
        UserError: there is no such model, or there is a run at that place.
        StorageError: the place cannot be written.
    """
    shipped = find_shipped(name)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; choose another --copy.")
    check_new(path)
    shutil.copytree(shipped.path, path, dirs_exist_ok=True)
    return RunDirectory(path)

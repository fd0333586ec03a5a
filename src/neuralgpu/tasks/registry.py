"""Finds tasks by name. A task belongs to the registry if its class lies in a module of this package."""

import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

import neuralgpu.tasks
from neuralgpu.errors import UserError, shown, unknown_name
from neuralgpu.tasks.task import Task

_ADDED: dict[str, Task] = {}
"""Tasks that were added to those of the package."""
_FILES: list[Path] = []
"""Where they come from."""


def task_names() -> list[str]:
    """Returns the names of all tasks, class by class."""
    return list(_tasks())


def find_task(name: str) -> Task:
    """Returns the task of that name.

    Raises:
        UserError: no task has that name.
    """
    if name not in _tasks():
        raise unknown_name("task", name, _tasks(), remedy="'neuralgpu tasks' lists them.")
    return _tasks()[name]


def add_tasks(path: Path) -> list[str]:
    """Adds the tasks of the classes in a Python file, which is run, and returns their names.

    Raises:
        UserError: the file cannot be run, holds no task, or one of a name that is taken.
    """
    spec = util.spec_from_file_location(f"tasks_of_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"{shown(str(path))} is not a Python file; give one with a class of a task.")
    module = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"{path} cannot be run: {type(error).__name__}: {error}.") from error
    found = {task.name: task for task in _members_of(module)}
    if not found:
        raise UserError(f"{path} holds no class of a task with members; see the page 'Write your own task'.")
    for name in found:
        if name in _tasks():
            raise UserError(f"{path} holds the task {name!r}, but there is one of that name already; rename it.")
    _ADDED.update(found)
    _FILES.append(path)
    return list(found)


def added_files() -> list[Path]:
    """Returns the files that `add_tasks` was given."""
    return list(_FILES)


def _tasks() -> dict[str, Task]:
    return {**_own_tasks(), **_ADDED}


@cache
def _own_tasks() -> dict[str, Task]:
    found: dict[str, Task] = {}
    for task in _members_of(*_modules()):
        if task.name in found:
            raise ValueError(f"two tasks are named {task.name!r}")
        found[task.name] = task
    return found


def _modules() -> Iterator[ModuleType]:
    for entry in pkgutil.iter_modules(neuralgpu.tasks.__path__):
        yield import_module(f"neuralgpu.tasks.{entry.name}")


def _members_of(*modules: ModuleType) -> Iterable[Task]:
    for module in modules:
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Task) and kind.__module__ == module.__name__:
                yield from kind.members()

"""Tasks, by name.

>>> find_task("badd").solve("101+011")
'0001000'
"""

from typing import get_args

from neuralgpu.errors import unknown_name
from neuralgpu.tasks.arithmetic import Addition, Multiplication
from neuralgpu.tasks.layout import Layout
from neuralgpu.tasks.task import Task

__all__ = ["Addition", "Layout", "Multiplication", "Task", "find_task", "task_names"]

_TASKS: dict[str, Task] = {
    task.name: task
    for operation in (Addition, Multiplication)
    for base in range(2, 11)
    for layout in get_args(Layout)
    for task in [operation(base, layout)]
}


def task_names() -> list[str]:
    """Returns the names of all tasks, by operation, base and layout."""
    return list(_TASKS)


def find_task(name: str) -> Task:
    """Returns the task of that name.

    Raises:
        UserError: no task has that name.
    """
    if name not in _TASKS:
        raise unknown_name("task", name, _TASKS, remedy="'neuralgpu tasks' lists them.")
    return _TASKS[name]

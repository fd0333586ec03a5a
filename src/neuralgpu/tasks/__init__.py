"""Tasks, by name.

>>> find_task("badd").solve("101+011")
'0001000'
"""

from neuralgpu.tasks.addition import Addition
from neuralgpu.tasks.arithmetic import Division, Multiplication, Subtraction
from neuralgpu.tasks.layout import Layout
from neuralgpu.tasks.registry import add_tasks, added_files, find_task, task_names
from neuralgpu.tasks.task import Task

__all__ = [
    "Addition",
    "Division",
    "Layout",
    "Multiplication",
    "Subtraction",
    "Task",
    "add_tasks",
    "added_files",
    "find_task",
    "task_names",
]

"""neuralgpu tasks."""

import json
from typing import Annotated

import typer

from neuralgpu.cli.arguments import JsonOption

_EXAMPLE_LENGTH = 11


def tasks(
    pattern: Annotated[
        str | None,
        typer.Argument(
            metavar="PATTERN", help="Names such as 'b*' or an operation such as 'division'; all if omitted."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the tasks, each with a worked example."""
    from fnmatch import fnmatchcase
    from itertools import count

    from neuralgpu.errors import unknown_name
    from neuralgpu.tasks import find_task, task_names

    known = [find_task(name) for name in task_names()]
    listed = [task for task in known if pattern is None or fnmatchcase(task.name, pattern) or task.operation == pattern]
    if not listed:
        operations = ", ".join(dict.fromkeys(task.operation for task in known))
        raise unknown_name("task", str(pattern), task_names(), remedy=f"Give a pattern, or one of: {operations}.")
    if not as_json:
        typer.echo(f"{'task':<11} {'operation':<15} {'base':>4}  {'layout':<9} {'lengths':<19} example")
    for task in listed:
        length = next(length for length in count(_EXAMPLE_LENGTH) if task.valid_length(length))
        given, target = task.example(length)
        if as_json:
            record = {
                "task": task.name,
                "operation": task.operation,
                "base": task.base,
                "layout": task.layout,
                "lengths": task.length_rule,
                "input": given,
                "target": target,
            }
            typer.echo(json.dumps(record))
        else:
            columns = f"{task.name:<11} {task.operation:<15} {task.base:>4}  {task.layout:<9} {task.length_rule:<19}"
            typer.echo(f"{columns} {given} = {target}")

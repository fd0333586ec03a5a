"""neuralgpu tasks."""

import json

import typer

from neuralgpu.cli.arguments import JsonOption

_EXAMPLE_LENGTH = 11


def tasks(as_json: JsonOption = False) -> None:
    """List the tasks, each with a worked example."""
    from neuralgpu.tasks import find_task, task_names

    listed = [find_task(name) for name in task_names()]
    examples = [task.example(_EXAMPLE_LENGTH) for task in listed]
    if not as_json:
        typer.echo(f"{'task':<7} {'operation':<15} {'base':>4}  {'layout':<9} {'lengths':<19} example")
    for task, (given, target) in zip(listed, examples, strict=True):
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
            columns = f"{task.name:<7} {task.operation:<15} {task.base:>4}  {task.layout:<9} {task.length_rule:<19}"
            typer.echo(f"{columns} {given} = {target}")

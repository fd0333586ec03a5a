"""neuralgpu suites."""

import json
from typing import Annotated

import typer

from neuralgpu.cli.arguments import JsonOption

_EXAMPLE_LENGTH = 13


def suites(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="Name of a task, see 'neuralgpu tasks'; its suites are shown.")
    ] = "badd",
    as_json: JsonOption = False,
) -> None:
    """List the suites that judge a task, each with an example and where it comes from."""
    import numpy as np

    from neuralgpu.evaluation.suites import suites_for
    from neuralgpu.tasks import find_task

    asked = find_task(task)
    if not as_json:
        typer.echo(f"{'suite':<15} {'size':<13} {'example of ' + asked.name:<{_EXAMPLE_LENGTH + 6}} inputs (source)")
    for suite in suites_for(asked):
        size = max(suite.sizes(asked, _EXAMPLE_LENGTH), default=0)
        (example,) = suite.examples(asked, size, 1, np.random.default_rng(0))
        if as_json:
            record = {
                "suite": suite.name,
                "about": suite.about,
                "source": suite.source,
                "size_name": suite.size_name,
                "size": size,
                "input": example.input,
                "target": example.target,
            }
            typer.echo(json.dumps(record))
        else:
            columns = f"{suite.name:<15} {suite.size_name:<13} {example.input:<{_EXAMPLE_LENGTH + 6}}"
            typer.echo(f"{columns} {suite.about} ({suite.source})")

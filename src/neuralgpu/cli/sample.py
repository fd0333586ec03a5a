"""neuralgpu sample."""

import json
from typing import Annotated

import typer

from neuralgpu.cli.arguments import LONGEST_INPUT, CountOption, JsonOption, SeedOption, whole_number


def sample(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of a task, see 'neuralgpu tasks'.")],
    length: Annotated[int, whole_number("--length", 1, LONGEST_INPUT, "Length of the inputs, in symbols")],
    count: CountOption = 5,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Print inputs of a task with their targets, as people read them."""
    import numpy as np

    from neuralgpu.tasks import find_task

    found = find_task(task)
    found.check_length(length)
    rng = np.random.default_rng(seed)
    at_once = max(1, 1_000_000 // length)
    for start in range(0, count, at_once):
        batch = found.sample(rng, length, min(at_once, count - start))
        for grid, symbols in zip(batch.grid, batch.target, strict=True):
            given, target = found.decode_input(grid), found.decode(symbols)
            record = {"task": found.name, "length": length, "layout": found.layout, "input": given, "target": target}
            typer.echo(json.dumps(record) if as_json else f"{given} = {target}")

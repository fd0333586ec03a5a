"""neuralgpu sample."""

import json
from typing import Annotated

import typer

from neuralgpu.cli.arguments import CountOption, JsonOption


def sample(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of a task, see 'neuralgpu tasks'.")],
    length: Annotated[int, typer.Option("--length", help="Length of the inputs, in symbols.")],
    count: CountOption = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the inputs.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Print inputs of a task with their targets, as people read them."""
    import numpy as np

    from neuralgpu.errors import UserError
    from neuralgpu.tasks import find_task
    from neuralgpu.tasks.task import SYMBOL_LIMIT

    found = find_task(task)
    if length > SYMBOL_LIMIT:
        raise UserError(f"Length {length} is beyond the limit of {SYMBOL_LIMIT} symbols; ask for a shorter one.")
    found.check_length(length)
    rng = np.random.default_rng(seed)
    at_once = max(1, 1_000_000 // length)
    for start in range(0, count, at_once):
        batch = found.sample(rng, length, min(at_once, count - start))
        for grid, symbols in zip(batch.grid, batch.target, strict=True):
            given, target = found.decode_input(grid), found.decode(symbols)
            record = {"task": found.name, "length": length, "layout": found.layout, "input": given, "target": target}
            typer.echo(json.dumps(record) if as_json else f"{given} = {target}")

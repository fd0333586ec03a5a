"""neuralgpu extract."""

from pathlib import Path
from typing import Annotated

import typer

from neuralgpu.cli.arguments import RunArgument, whole_number
from neuralgpu.seed_numbers import LARGEST_SEED


def extract(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Run directory of the new run.")],
    seed: Annotated[int, whole_number("--seed", 0, LARGEST_SEED, "The seed to take out")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the run in the new run's directory.")] = False,
) -> None:
    """Take one seed out of a run, as a run of its own that can be judged, sent and trained on."""
    from neuralgpu.run_directory import open_run
    from neuralgpu.training.extraction import extract as extracted

    taken, warnings = extracted(open_run(run), seed, out, force=force)
    for warning in warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    typer.echo(str(taken.path))

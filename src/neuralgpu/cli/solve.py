"""neuralgpu solve."""

from typing import Annotated

import typer

from neuralgpu.cli.arguments import AverageOption, ModelArgument, TaskOption, run_of, whole_number
from neuralgpu.seed_numbers import LARGEST_SEED


def solve(
    run: ModelArgument,
    text: Annotated[str, typer.Argument(metavar="INPUT", help="What to work out, such as '101+11'.")],
    seed: Annotated[
        int | None, whole_number("--seed", 0, LARGEST_SEED, "Which seed answers; the first by default")
    ] = None,
    task: TaskOption = None,
    average: AverageOption = False,
) -> None:
    """Let a trained model work out an input, and say whether it is right."""
    from neuralgpu import devices
    from neuralgpu.cost import check_evaluation
    from neuralgpu.errors import UserError
    from neuralgpu.tasks import find_task

    if average and seed is not None:
        raise UserError("--average asks all the seeds and --seed one of them; give one of these options.")
    directory = run_of(run)
    asked = find_task(task or directory.config().task)
    right = asked.solve(text)
    config = directory.config()
    check_evaluation(config.model, len(config.seeds), [(len(asked.encode(text)), 1)])
    devices.configure()
    from neuralgpu.evaluation.models import load_models

    models = load_models(directory, asked, average=average)
    for warning in models.warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    chosen = models.answering[0] if seed is None else seed
    if chosen not in models.answering:
        raise UserError(f"{run} has no seed {chosen}; it has {', '.join(map(str, models.seeds))}.")
    answer = models.answers([text])[models.answering.index(chosen)][0]
    typer.echo(asked.plain(answer))
    if answer == right:
        typer.echo("right", err=True)
    else:
        typer.echo(f"wrong: it should be {asked.plain(right)}", err=True)

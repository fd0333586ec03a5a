"""neuralgpu train."""

from pathlib import Path
from typing import Annotated

import typer

from neuralgpu.cli.arguments import StepsOption, whole_number
from neuralgpu.cli.interrupts import stop_on_signal
from neuralgpu.cli.running import begin_run, resume_run
from neuralgpu.seed_numbers import LARGEST_SEED, seed_numbers

DEFAULT_PRESET = "fast"


def train(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="Name of a task, see 'neuralgpu tasks'.")] = None,
    curriculum: Annotated[
        str | None,
        typer.Option(
            "--curriculum",
            metavar="TASKS",
            help="Learn one task after the other, 'bmul > qmul > mul', or several at once, 'badd + bmul'; "
            "the last one is judged.",
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            help="'fast' (minutes), 'steady', 'resting' (padded, aligned sums that go far), 'classic' (the paper's).",
        ),
    ] = DEFAULT_PRESET,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="F.toml", help="Settings laid over the preset.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as model.channels=48; may be repeated."),
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N|A..B", help="How many seeds to train together, or which: 0..14.")
    ] = "1",
    seed: Annotated[int, whole_number("--seed", 0, LARGEST_SEED, "The first seed")] = 0,
    steps: StepsOption = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="HOW",
            help="What is kept for the backward pass: store, step, sqrt, treeverse:K, offload, auto or auto:12GB.",
        ),
    ] = None,
    microbatch: Annotated[
        int | None, whole_number("--microbatch", 1, 65_536, "Inputs worked on at once; divides the batch")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Run directory; runs/TASK-PRESET by default.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted run.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run in the run directory.")] = False,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Write for TensorBoard, too, into DIR/tensorboard; a resumed run goes on with that."
        ),
    ] = False,
    distributed: Annotated[
        str | None,
        typer.Option(
            "--distributed",
            metavar="HOST:PORT,COUNT,NUMBER",
            help="Train as process NUMBER (from 0) of COUNT, which all give this option and share the run directory; "
            "HOST:PORT is where number 0 listens. 'auto' asks the cluster's scheduler.",
        ),
    ] = None,
) -> None:
    """Teach a network a task from short examples.

    Seeds learn together, each as it would alone.

    Ctrl-C saves and stops; --resume goes on bit for bit.
    """
    from neuralgpu import devices
    from neuralgpu.choice import chosen_config
    from neuralgpu.cost import check_training
    from neuralgpu.errors import UserError
    from neuralgpu.reporting.tensorboard import check_installed
    from neuralgpu.settings import parse_setting, read_toml

    writable = True
    if distributed is not None:
        devices.join(distributed)  # which has JAX answer to SIGTERM: who answers last, is heard
        writable = devices.is_first_process()
    with stop_on_signal(lambda: "Stopped before anything was written.") as stop:
        if tensorboard:
            check_installed()
        if resume is not None:
            texts, others = (
                (task, curriculum, config, settings, memory, out),
                (steps, microbatch, force, seeds != "1", seed),
            )
            if any((*texts, *others)) or preset != DEFAULT_PRESET:
                raise UserError("--resume goes on with the run's own settings; give it alone.")
            directory, ended = resume_run(resume, stop, writable=writable, tensorboard=tensorboard)
        else:
            if task is None and curriculum is None:
                raise UserError("Name a task to learn, such as 'neuralgpu train badd'; 'neuralgpu tasks' lists them.")
            numbers = seed_numbers(seeds, seed)
            options = {"memory": memory, "microbatch": microbatch}
            written = [*(settings or []), *(f"{key}={value}" for key, value in options.items() if value is not None)]
            single, of_file = map(parse_setting, written), read_toml(config) if config else {}
            chosen = chosen_config(task, preset, of_file, single, numbers, steps, curriculum)
            check_training(chosen)
            path = out or Path("runs") / "-".join([*chosen.tasks, preset])
            directory, ended = begin_run(path, chosen, stop, force=force, writable=writable, tensorboard=tensorboard)
    if ended:
        raise typer.Exit(ended)
    if directory.writable:
        typer.echo(f"Next: neuralgpu evaluate {directory.path}", err=True)

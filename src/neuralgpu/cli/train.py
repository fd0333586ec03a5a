"""neuralgpu train."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.cli.arguments import LARGEST_SEED, StepsOption, whole_number

if TYPE_CHECKING:
    from neuralgpu.config import RunConfig
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.training.loop import Progress

DEFAULT_PRESET = "fast"


def train(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="Name of a task, see 'neuralgpu tasks'.")] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="'fast' (diagonal, minutes) or 'classic' (the paper's).")
    ] = DEFAULT_PRESET,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="F.toml", help="Settings laid over the preset.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as model.channels=48; may be repeated."),
    ] = None,
    seeds: Annotated[int, whole_number("--seeds", 1, 4096, "Number of seeds trained at once")] = 1,
    seed: Annotated[int, whole_number("--seed", 0, LARGEST_SEED, "The first seed")] = 0,
    steps: StepsOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Run directory; runs/TASK-PRESET by default.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted run.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run in the run directory.")] = False,
) -> None:
    """Teach a network a task from short examples.

    Ctrl-C saves and stops; --resume goes on bit for bit.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.run_directory import create_run

    if resume is not None:
        if any([task, config, settings, steps is not None, out, force, seeds != 1, seed]) or preset != DEFAULT_PRESET:
            raise UserError("--resume goes on with the run's own settings; give it alone.")
        directory, ended = resume_run(resume)
    else:
        if task is None:
            raise UserError("Name a task to learn, such as 'neuralgpu train badd'; 'neuralgpu tasks' lists them.")
        chosen = chosen_config(task, preset, config, settings or [], seeds, seed, steps)
        directory = create_run(out or Path("runs") / f"{task}-{preset}", chosen, force=force)
        ended = run_training(directory, chosen)
    if ended:
        raise typer.Exit(ended)
    typer.echo(f"Next: neuralgpu evaluate {directory.path}", err=True)


def chosen_config(
    task: str, preset: str, config: Path | None, settings: list[str], seeds: int, seed: int, steps: int | None
) -> "RunConfig":
    """Lays file, single settings and options over the preset and checks them.

    Raises:
        UserError: something in them is not possible.
    """
    import numpy as np

    from neuralgpu.config import merged, parse_setting, preset_names, preset_settings, read_toml, run_config
    from neuralgpu.cost import check_training
    from neuralgpu.curriculum import CurriculumState, draw
    from neuralgpu.errors import UserError, unknown_name
    from neuralgpu.tasks import find_task

    found = find_task(task)
    started_from = preset_settings(preset, found.operation)
    symbols = max(found.vocabulary, started_from.get("model", {}).get("vocabulary", 0))
    layers: list[dict[str, Any]] = [
        {"model": {"height": found.rows}},
        started_from,
        {"model": {"vocabulary": symbols}},
        read_toml(config) if config else {},
        {"task": task, "seeds": list(range(seed, seed + seeds))},
        {} if steps is None else {"steps": steps},
        *map(parse_setting, settings),
    ]
    built = run_config(merged(layers))
    if built.task != task:
        raise UserError(f"The task is named by the argument {task!r}; leave 'task' out of the settings.")
    if built.preset not in preset_names():
        raise unknown_name("preset", built.preset, preset_names())
    if built.model.height < found.rows:
        raise UserError(f"{task!r} needs {found.rows} rows, model.height is {built.model.height}; raise it with --set.")
    if built.model.vocabulary < found.vocabulary:
        raise UserError(
            f"{task!r} needs {found.vocabulary} symbols, model.vocabulary is {built.model.vocabulary}; "
            "raise it with --set."
        )
    if built.carry_share and found.operation != "addition":
        raise UserError(f"carry_share is for addition, {task!r} is {found.operation}; set it to 0.")
    lengths = built.curriculum
    reached = lengths.buckets[-1] if lengths.kind == "buckets" else lengths.start_length
    draw(lengths, CurriculumState(reached), found.valid_length, np.random.default_rng(0), 1)  # refuses what has none
    check_training(built)
    return built


def resume_run(path: Path) -> tuple["RunDirectory", int]:
    """Goes on where a run's newest whole checkpoint stands; returns the run and the exit code."""
    from neuralgpu.checkpoint import load_latest
    from neuralgpu.run_directory import open_run

    directory = open_run(path)
    checkpoint, warnings = load_latest(directory.checkpoints)
    for warning in warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    return directory, run_training(directory, directory.config(), checkpoint)


def run_training(directory: "RunDirectory", config: "RunConfig", resumed: Any = None) -> int:
    """Trains with a progress display; returns 0, or the exit code of the signal that stopped it."""
    from neuralgpu import devices
    from neuralgpu.cli.interrupts import stop_on_signal
    from neuralgpu.cli.progress import display, training_line
    from neuralgpu.tasks import Addition, find_task

    devices.configure()
    from neuralgpu.training.loop import Trainer

    task = find_task(config.task)
    if isinstance(task, Addition):
        task = replace(task, carry_share=config.carry_share)
    with stop_on_signal() as stop, display(f"train {task.name}") as show:
        show(resumed.step if resumed else 0, config.steps, "compiling")
        trainer = Trainer(directory, config, task, resumed)
        if trainer.step >= trainer.last_step:
            typer.echo(f"{directory.path} has made all of its {trainer.step} steps.", err=True)
            return 0
        if resumed is None:
            directory.append_event(
                "start",
                0,
                task=task.name,
                preset=config.preset,
                seeds=list(config.seeds),
                command=shlex.join(["neuralgpu", *sys.argv[1:]]),
                device=devices.device_name(),
                cores=devices.cores(),
                versions=devices.versions(),
            )
        else:
            directory.append_event("resume", trainer.step)
        compiling = trainer.step + 1

        def watch(progress: "Progress") -> None:
            show(progress.step, progress.last_step, training_line(progress, timed=progress.step > compiling))

        finished = trainer.train(watch, stop)
    for seed, step in trainer.diverged.items():
        typer.echo(f"Seed {seed} diverged at step {step}: its loss was no longer finite.", err=True)
    if not finished:
        directory.append_event("interrupt", trainer.step)
        typer.echo(
            f"Stopped and saved at step {trainer.step}. Go on: neuralgpu train --resume {directory.path}", err=True
        )
        return stop.exit_code
    directory.append_event("finish", trainer.step, seconds=round(trainer.seconds, 2))
    return 0

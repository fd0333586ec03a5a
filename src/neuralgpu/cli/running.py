"""Running a training: from its first step or where it was interrupted, with progress and a clean stop."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from neuralgpu.config import RunConfig
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.training.loop import Trainer
    from neuralgpu.training.standing import Progress


def with_settled_memory(config: "RunConfig") -> "RunConfig":
    """Puts the strategy that fits into the place of memory 'auto', and says which one it is."""
    from neuralgpu import devices
    from neuralgpu.model.memory import Auto, bytes_text, parse_memory

    wanted = parse_memory(config.memory)
    if not isinstance(wanted, Auto):
        return config
    devices.configure()
    from neuralgpu.training.memory import settled

    choice = settled(config, wanted.budget)
    typer.echo(
        f"memory {config.memory}: {choice.config.memory} needs {bytes_text(choice.needed)} "
        f"of {bytes_text(choice.budget)}.",
        err=True,
    )
    return choice.config


def resume_run(path: Path, *, writable: bool = True) -> tuple["RunDirectory", int]:
    """Goes on where a run's newest whole checkpoint stands; returns the run and the exit code."""
    from neuralgpu.checkpoint import load_latest
    from neuralgpu.run_directory import open_run

    directory = open_run(path, writable=writable)
    checkpoint, warnings = load_latest(directory.checkpoints)
    for warning in warnings:
        typer.echo(f"neuralgpu: {warning}", err=True)
    return directory, run_training(directory, directory.config(), checkpoint)


def run_training(directory: "RunDirectory", config: "RunConfig", resumed: Any = None) -> int:
    """Trains with a progress display; returns 0, or the exit code of the signal that stopped it.

    Of several processes the first one shows and writes what there is to show and to write.
    """
    from neuralgpu import devices
    from neuralgpu.cli.interrupts import stop_on_signal
    from neuralgpu.cli.progress import display, training_line

    devices.configure()
    from neuralgpu.training.loop import Trainer

    with stop_on_signal() as stop, display(f"train {config.curriculum_text}", quiet=not directory.writable) as show:
        show(resumed.step if resumed else 0, config.steps, "compiling")
        trainer = Trainer(directory, config, resumed)
        if trainer.step >= trainer.last_step:
            typer.echo(f"{directory.path} has made all of its {trainer.step} steps.", err=True)
            return 0
        if resumed is None:
            directory.append_event(
                "start",
                0,
                task=config.task,
                curriculum=config.curriculum_text,
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
    if not directory.writable:
        return 0 if finished else stop.exit_code
    for seed, step in trainer.diverged.items():
        typer.echo(f"Seed {seed} diverged at step {step}: its loss was no longer finite.", err=True)
    if not finished:
        directory.append_event("interrupt", trainer.step)
        typer.echo(
            f"Stopped and saved at step {trainer.step}. Go on: neuralgpu train --resume {directory.path}", err=True
        )
        return stop.exit_code
    cost = trainer.cost
    directory.append_event(
        "finish",
        trainer.step,
        seconds=round(trainer.seconds, 2),
        compile_seconds=round(cost.compiling, 2),
        compile_wait_seconds=round(cost.waited, 2),
        padding_waste=round(cost.padding_waste, 4),
    )
    typer.echo(_summary(trainer), err=True)
    return 0


def _summary(trainer: "Trainer") -> str:
    cost, seconds = trainer.cost, trainer.seconds
    return (
        f"{trainer.step} steps in {seconds:.0f} s, of which {cost.waited:.0f} s ({cost.waited / seconds:.0%}) were "
        f"waiting for the compiler, which took {cost.compiling:.0f} s in all; "
        f"{cost.padding_waste:.0%} of the computed cells were padding."
    )

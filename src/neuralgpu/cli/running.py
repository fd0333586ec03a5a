"""Running a training: from its first step or where it was interrupted, with progress and a clean stop."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neuralgpu.cli.interrupts import PATIENCE, StopRequest

if TYPE_CHECKING:
    from neuralgpu.checkpoint import Checkpoint
    from neuralgpu.config import RunConfig
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.training.loop import Trainer
    from neuralgpu.training.standing import Progress


def begin_run(
    path: Path,
    config: "RunConfig",
    stop: StopRequest,
    *,
    force: bool,
    writable: bool = True,
    tensorboard: bool = False,
) -> tuple["RunDirectory", int]:
    """Makes a run and trains it; returns the run and the exit code.

    Args:
        path: the run's directory.
        config: the run's settings.
        stop: the request to stop.
        force: whether a run that is there is replaced.
        writable: off in all but the first of the processes that train together.
        tensorboard: whether events are written for TensorBoard, too.

    Raises:
        UserError: something else is there, or a run and `force` is off.
        BusyRunError: another process holds the run.
        StorageError: the disk refused.
    """
    from neuralgpu.run_directory import RunDirectory, check_new, check_place, create_run

    stop.plan(partial(_left_behind, path))
    refusals = (check_place, None if force else check_new)
    with _held(path, *refusals, writable=writable):
        settled = _with_settled_memory(config)
        directory = create_run(path, settled, force=force) if writable else RunDirectory(path, writable)
        return directory, _run_training(_observed(directory, tensorboard), settled, None, stop)


def resume_run(
    path: Path, stop: StopRequest, *, writable: bool = True, tensorboard: bool = False
) -> tuple["RunDirectory", int]:
    """Goes on where a run's newest whole checkpoint stands; returns the run and the exit code.

    Args:
        path: the run's directory.
        stop: the request to stop.
        writable: off in all but the first of the processes that train together.
        tensorboard: whether events are written for TensorBoard, too.

    Raises:
        UserError: there is no run.
        BusyRunError: another process holds it.
        DamagedRunError: it cannot be read, or no whole checkpoint is left.
        StorageError: the disk refused.
    """
    from neuralgpu.checkpoint import load_latest
    from neuralgpu.run_directory import open_run

    stop.plan(partial(_left_behind, path))
    directory = _observed(open_run(path, writable=writable), tensorboard)
    with _held(path, writable=writable):
        if not directory.begun:  # it was stopped before its first checkpoint
            directory.forget_events_after(-1)
            return directory, _run_training(directory, directory.config(), None, stop)
        torn = directory.torn_logs()
        checkpoint, warnings = load_latest(directory.checkpoints)
        for warning in (*torn, *warnings):
            typer.echo(f"neuralgpu: {warning}", err=True)
        return directory, _run_training(directory, directory.config(), checkpoint, stop)


def _observed(directory: "RunDirectory", asked: bool) -> "RunDirectory":
    """Lets a run's events be written for TensorBoard where that is asked for, or was when the run began."""
    from neuralgpu.errors import UserError
    from neuralgpu.reporting.tensorboard import TensorBoard

    if not directory.writable or not (asked or directory.tensorboard.is_dir()):
        return directory
    try:
        return replace(directory, observers=(TensorBoard(directory),))
    except UserError as error:
        if asked:
            raise
        typer.echo(f"neuralgpu: {directory.tensorboard} is not gone on with: {error}", err=True)
        return directory


@contextmanager
def _held(
    path: Path,
    before: Callable[[Path], None] | None = None,
    after: Callable[[Path], None] | None = None,
    *,
    writable: bool,
) -> Iterator[None]:
    """Holds a run's lock, between two checks of its path.

    Of several processes the first one does so for all; where it is refused, the others end as well.
    """
    from neuralgpu import devices
    from neuralgpu.errors import UserError
    from neuralgpu.run_lock import locked

    refused: UserError | None = None
    with ExitStack() as stack:
        try:
            if writable:
                if before:
                    before(path)
                stack.enter_context(locked(path))
                if after:
                    after(path)
        except UserError as error:
            refused = error
        if devices.is_one_of_several():
            from neuralgpu.training.placement import agreed

            if agreed(refused is not None) and refused is None:
                raise UserError(f"The first process cannot train {path}; its message says why.")
        if refused is not None:
            raise refused
        yield


def _left_behind(path: Path) -> str:
    """Says how to go on with a run that was left before training began."""
    if not (path / "config.toml").exists():
        return "Stopped before anything was written."
    return f"Stopped before a step was made. Go on: neuralgpu train --resume {path}"


def _with_settled_memory(config: "RunConfig") -> "RunConfig":
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


def _run_training(
    directory: "RunDirectory", config: "RunConfig", resumed: "Checkpoint | None", stop: StopRequest
) -> int:
    """Trains with a progress display; returns 0, or the exit code of the signal that stopped it.

    Of several processes the first one shows and writes what there is to show and to write.
    """
    from neuralgpu import devices
    from neuralgpu.cli.progress import display, training_line

    devices.configure()
    from neuralgpu.training.loop import Trainer
    from neuralgpu.training.run_events import finish_event, start_event

    def tell(text: str) -> None:
        if directory.writable:
            typer.echo(text, err=True)

    with display(f"train {config.curriculum_text}", quiet=not directory.writable) as show:
        show(resumed.step if resumed else 0, config.steps, "compiling")
        trainer = Trainer(directory, config, resumed, tell=tell)
        if trainer.step >= trainer.last_step:
            tell(f"{directory.path} has made all of its {trainer.step} steps.")
            directory.tell_observers()
            return 0
        if resumed is None:
            directory.append_event("start", 0, **start_event(config, shlex.join(["neuralgpu", *sys.argv[1:]])))
        else:
            directory.append_event("resume", trainer.step)
        compiling = trainer.step + 1

        def watch(progress: "Progress") -> None:
            show(progress.step, progress.last_step, training_line(progress, timed=progress.step > compiling))

        # Processes that train together make the same steps; none of them can leave in the middle of one.
        stop.plan(partial(_abandoned, trainer, directory.path), None if devices.is_one_of_several() else PATIENCE)
        finished = trainer.train(watch, stop)
    for seed, step in trainer.diverged.items():
        tell(f"Seed {seed} diverged at step {step}: its loss was no longer finite.")
    if not finished:
        directory.append_event("interrupt", trainer.step)
        tell(_stopped(trainer.step, directory.path))
        if not devices.is_one_of_several():
            stop.leave()
        return stop.exit_code if directory.writable else 0
    directory.append_event("finish", trainer.step, **finish_event(trainer))
    tell(_summary(trainer))
    return 0


def _stopped(step: int, path: Path) -> str:
    return f"Stopped and saved at step {step}. Go on: neuralgpu train --resume {path}"


def _abandoned(trainer: "Trainer", path: Path) -> str | None:
    """Ends a training that is in the middle of a step, and says where it stands; None where it has ended by itself."""
    step = trainer.abandon()
    return None if step is None else _stopped(step, path)


def _summary(trainer: "Trainer") -> str:
    cost, seconds = trainer.cost, trainer.seconds
    return (
        f"{trainer.step} steps in {seconds:.0f} s, of which {cost.waited:.0f} s ({cost.waited / seconds:.0%}) were "
        f"waiting for the compiler, which took {cost.compiling:.0f} s in all; "
        f"{cost.padding_waste:.0%} of the computed cells were padding."
    )

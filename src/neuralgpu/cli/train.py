"""neuralgpu train."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.cli.arguments import LARGEST_SEED, StepsOption, seed_numbers, whole_number
from neuralgpu.cli.interrupts import stop_on_signal
from neuralgpu.cli.running import begin_run, resume_run

if TYPE_CHECKING:
    from neuralgpu.config import RunConfig
    from neuralgpu.curriculum import CurriculumConfig
    from neuralgpu.tasks import Task

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
        str, typer.Option("--preset", help="'fast' (diagonal, minutes) or 'classic' (the paper's).")
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
    from neuralgpu.errors import UserError

    with stop_on_signal(lambda: "Stopped before anything was written.") as stop:
        writable = True
        if distributed is not None:
            devices.join(distributed)
            writable = devices.is_first_process()
        if resume is not None:
            texts, others = (
                (task, curriculum, config, settings, memory, out),
                (steps, microbatch, force, seeds != "1", seed),
            )
            if any((*texts, *others)) or preset != DEFAULT_PRESET:
                raise UserError("--resume goes on with the run's own settings; give it alone.")
            directory, ended = resume_run(resume, stop, writable=writable)
        else:
            if task is None and curriculum is None:
                raise UserError("Name a task to learn, such as 'neuralgpu train badd'; 'neuralgpu tasks' lists them.")
            numbers = seed_numbers(seeds, seed)
            options = {"memory": memory, "microbatch": microbatch}
            written = [*(settings or []), *(f"{key}={value}" for key, value in options.items() if value is not None)]
            chosen = chosen_config(task, preset, config, written, numbers, steps, curriculum)
            path = out or Path("runs") / "-".join([*chosen.tasks, preset])
            directory, ended = begin_run(path, chosen, stop, force=force, writable=writable)
    if ended:
        raise typer.Exit(ended)
    if directory.writable:
        typer.echo(f"Next: neuralgpu evaluate {directory.path}", err=True)


def chosen_config(
    task: str | None,
    preset: str,
    config: Path | None,
    settings: list[str],
    seeds: tuple[int, ...],
    steps: int | None,
    curriculum: str | None = None,
) -> "RunConfig":
    """Lays file, single settings and options over the preset and checks them.

    Raises:
        UserError: something in them is not possible.
    """
    from neuralgpu.config import check_room
    from neuralgpu.cost import check_training
    from neuralgpu.curriculum import parse_curriculum
    from neuralgpu.errors import UserError, unknown_name
    from neuralgpu.settings import merged, parse_setting, preset_names, preset_settings, read_toml, run_config
    from neuralgpu.tasks import find_task

    chain = parse_curriculum(curriculum) if curriculum is not None else {}
    judged = chain["tasks"][-1] if task is None else task
    own: list[dict[str, Any]] = [
        read_toml(config) if config else {},
        {"task": judged, "curriculum": chain, "seeds": list(seeds)},
        {} if steps is None else {"steps": steps},
        *map(parse_setting, settings),
    ]
    started_from = preset_settings(preset, find_task(judged).operation)
    found = [find_task(name) for name in _task_names(merged(own), judged)]
    symbols = max(of_task.vocabulary for of_task in found)
    layers: list[dict[str, Any]] = [
        {"model": {"height": max(of_task.rows for of_task in found)}},
        started_from,
        {"model": {"vocabulary": max(symbols, started_from.get("model", {}).get("vocabulary", 0))}},
        *own,
    ]
    built = run_config(merged(layers))
    if built.task != judged:
        raise UserError(f"The task is named by the argument {judged!r}; leave 'task' out of the settings.")
    if built.preset not in preset_names():
        raise unknown_name("preset", built.preset, preset_names())
    for of_task in found:
        check_room(built, of_task)
        _check_lengths(built.curriculum, of_task)
    if built.carry_share and not any(of_task.operation == "addition" for of_task in found):
        raise UserError(f"carry_share is for addition, {judged!r} is {found[-1].operation}; set it to 0.")
    check_training(built)
    return built


def _task_names(settings: dict[str, Any], task: str) -> list[str]:
    """Returns the names of the tasks to be learned, before the settings were checked."""
    chain = settings.get("curriculum", {})
    named = chain.get("tasks") if isinstance(chain, dict) else None
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return names or [task]


def _check_lengths(config: "CurriculumConfig", task: "Task") -> None:
    """Refuses a task that has no inputs of the lengths that the curriculum asks for.

    Raises:
        UserError: the message says what to change.
    """
    import numpy as np

    from neuralgpu.curriculum import CurriculumState, TaskState, draw, initial_state

    valid = [task.valid_length]
    state = initial_state(config, valid)
    if config.kind == "buckets":
        state = CurriculumState((TaskState(config.buckets[-1]),))
    draw(config, state, valid, np.random.default_rng(0), 1)

"""The settings of a run, chosen: what a user sets, laid over a preset, with room for the tasks that are learned."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuralgpu.config import RunConfig, check_room
from neuralgpu.curriculum import CurriculumConfig, CurriculumState, TaskState, draw, initial_state, parse_curriculum
from neuralgpu.errors import UserError, unknown_name
from neuralgpu.settings import merged, preset_names, preset_settings, run_config
from neuralgpu.tasks import Task, find_task


def chosen_config(
    task: str | None,
    preset: str,
    config: Mapping[str, Any],
    settings: Iterable[Mapping[str, Any]],
    seeds: tuple[int, ...],
    steps: int | None,
    curriculum: str | None = None,
) -> RunConfig:
    """Lays the settings of a file, options, and single settings over the preset and checks them.

    Args:
        task: what is learned and judged; the last task of the curriculum when None.
        preset: name of the preset.
        config: settings of a file.
        settings: single settings, laid over everything else.
        seeds: numbers of the seeds.
        steps: training steps; those of the settings when None.
        curriculum: a chain or a mixture of tasks, as `parse_curriculum` takes it.

    Raises:
        UserError: something in them is not possible.
    """
    chain = parse_curriculum(curriculum) if curriculum is not None else {}
    judged = chain["tasks"][-1] if task is None else task
    own: list[Mapping[str, Any]] = [
        config,
        {"task": judged, "curriculum": chain, "seeds": list(seeds)},
        {} if steps is None else {"steps": steps},
        *settings,
    ]
    started_from = preset_settings(preset, find_task(judged).operation)
    found = [find_task(name) for name in _task_names(merged(own), judged)]
    symbols = max(of_task.vocabulary for of_task in found)
    layers: list[Mapping[str, Any]] = [
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
    for setting in ("carry_share", "repeat_share"):
        if getattr(built, setting) and not any(of_task.operation == "addition" for of_task in found):
            raise UserError(f"{setting} is for addition, {judged!r} is {found[-1].operation}; set it to 0.")
    return built


def _task_names(settings: Mapping[str, Any], task: str) -> list[str]:
    """Returns the names of the tasks to be learned, before the settings were checked."""
    chain = settings.get("curriculum", {})
    named = chain.get("tasks") if isinstance(chain, dict) else None
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return names or [task]


def _check_lengths(config: CurriculumConfig, task: Task) -> None:
    """Refuses a task that has no inputs of the lengths that the curriculum asks for.

    Raises:
        UserError: the message says what to change.
    """
    valid = [task.valid_length]
    state = initial_state(config, valid)
    if config.kind == "buckets":
        state = CurriculumState((TaskState(config.buckets[-1]),))
    draw(config, state, valid, np.random.default_rng(0), 1)

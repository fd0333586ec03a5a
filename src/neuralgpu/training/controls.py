"""What is decided between epochs for each seed: curriculum, learning rate, pull and saturation weight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from neuralgpu import curriculum
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, ValidLength

_LARGEST_PULL = 0.1
_PULL_GROWTH = 1.2
_FORGIVING_PERPLEXITY = 1000.0
_LOWEST_SATURATION_WEIGHT = 1e-20


@dataclass(frozen=True)
class Controls:
    """One seed's settings that change between epochs; kept in the checkpoint."""

    curriculum: CurriculumState
    learning_rate: float
    """Before the 'falling' schedule is applied."""
    pull: float
    saturation_weight: float
    learned_at: int | None = None
    """Step at which every task's longest training inputs were learned; the 'falling' schedule counts from here."""
    attempt: int = 0
    """How often the seed has started over with new weights."""
    history: tuple[float, ...] = ()
    """Perplexity (adam) or loss (adamax) of the last epochs, as the published rule for the rate needs them."""


@dataclass(frozen=True)
class EpochStatistics:
    """Means over an epoch's steps with one task."""

    loss: float
    """Cross-entropy, nats a position, over the steps whose inputs are not longer than the task's length."""
    sequence_error: float
    """Over the same steps."""
    saturation: float


def initial_controls(config: RunConfig, valid: Sequence[ValidLength]) -> Controls:
    """Returns the controls before the first step; `valid` says for each task whether it has inputs of a length."""
    return Controls(
        curriculum.initial_state(config.curriculum, valid),
        _initial_rate(config),
        config.optimiser.pull,
        config.optimiser.saturation_weight,
    )


def learning_rate(config: RunConfig, controls: Controls, step: int) -> float:
    """Returns the rate of a step (counted from 0)."""
    if config.optimiser.schedule == "published":
        return controls.learning_rate
    left = max(0, last_step(config, controls) - step)
    return controls.learning_rate * min(1.0, left / config.optimiser.fall_steps)


def noise(config: RunConfig, controls: Controls, step: int) -> float:
    """Returns the standard deviation of the noise on the state in a step (counted from 0)."""
    share = 1.0
    if config.model.noise_schedule == "rising":
        share = step / config.model.noise_steps
    elif config.model.noise_schedule == "curriculum":
        share = controls.curriculum.length / config.curriculum.max_length
    elif config.model.noise_schedule == "rate" and config.optimiser.learning_rate:
        share = learning_rate(config, controls, step) / _initial_rate(config)
    return config.model.noise * min(1.0, share)


def last_step(config: RunConfig, controls: Controls) -> int:
    """Returns the number of steps that a seed makes, as far as it is known now."""
    return config.last_step(controls.learned_at)


def after_epoch(
    config: RunConfig,
    controls: Controls,
    statistics: Sequence[EpochStatistics | None],
    valid: Sequence[ValidLength],
    step: int,
) -> tuple[Controls, bool]:
    """Returns the next epoch's controls, and whether the relaxed copies are to be averaged now.

    A larger `attempt` asks for new weights. Published: where sequence error allows moving on, the pull grows by 1.2
    while it is below 0.1; after that the copies are averaged each time. Everything but the lengths follows the task
    being learned.

    Args:
        config: the settings.
        controls: those of the epoch.
        statistics: for each task, None if the epoch had no step that counts; there is one task that had.
        valid: for each task, whether it has inputs of a length.
        step: number of steps made.
    """
    before = controls.curriculum
    _, main = epoch_told(before, statistics)
    errors = [of_task and of_task.sequence_error for of_task in statistics]
    state = curriculum.update(config.curriculum, before, valid, errors)
    if curriculum.starts_over(config.curriculum, state):
        return replace(initial_controls(config, valid), attempt=controls.attempt + 1), False
    relaxed = config.model.copies > 1 and step < last_step(config, controls)
    moving_on = relaxed and main.sequence_error <= config.curriculum.advance_below
    average = moving_on and controls.pull >= _LARGEST_PULL
    pull = controls.pull * _PULL_GROWTH if moving_on and not average else controls.pull
    rate, history = _published_rate(config, controls, main)
    if state.learning != before.learning or state.length > before.length:
        history = (*history, _FORGIVING_PERPLEXITY)[-3:]
    learned_at = controls.learned_at
    if learned_at is None and curriculum.complete(config.curriculum, before, valid):
        low = errors[-1] is not None and max(filter(None, errors), default=0.0) <= config.optimiser.fall_below
        learned_at = step if low else None
    weight = controls.saturation_weight
    adapted = config.model.cell == "diagonal" and config.optimiser.saturation_schedule == "adapted"
    if adapted and main.saturation > 0:
        weight = learning_rate(config, controls, step) * main.loss / main.saturation
        weight = min(max(weight, _LOWEST_SATURATION_WEIGHT), config.optimiser.saturation_weight)
    opened = curriculum.complete(config.curriculum, state, valid)
    ends = {"end": False, "opened": opened, "learned": learned_at is not None}
    if ends[config.optimiser.saturation_until]:
        weight = 0.0
    return replace(
        controls,
        curriculum=state,
        learning_rate=rate,
        pull=pull,
        saturation_weight=weight,
        learned_at=learned_at,
        history=history,
    ), average


def epoch_told(state: CurriculumState, statistics: Sequence[EpochStatistics | None]) -> tuple[int, EpochStatistics]:
    """Returns number and statistics of the task that an epoch tells of: the one being learned, if it had a step of it.

    Raises:
        ValueError: the epoch had no step that counts.
    """
    measured = {number: of_task for number, of_task in enumerate(statistics) if of_task is not None}
    if not measured:
        raise ValueError("an epoch without a step that counts tells nothing")
    number = state.learning if state.learning in measured else max(measured)
    return number, measured[number]


def _initial_rate(config: RunConfig) -> float:
    rate = config.optimiser.learning_rate
    return rate * 48 / config.model.channels if config.optimiser.name == "adamax" else rate


def _published_rate(
    config: RunConfig, controls: Controls, statistics: EpochStatistics
) -> tuple[float, tuple[float, ...]]:
    if config.optimiser.schedule != "published":
        return controls.learning_rate, ()
    if config.optimiser.name == "adam":
        perplexity = math.exp(min(statistics.loss, 700.0))
        worse = len(controls.history) == 3 and perplexity > max(controls.history)
        return controls.learning_rate * (0.98 if worse else 1.0), (*controls.history, perplexity)[-3:]
    history = (*controls.history, statistics.loss)[-5:]
    worse = len(history) == 5 and min(history[-2:]) > min(history[:3])
    floor = _initial_rate(config) / 60
    return (max(controls.learning_rate * 0.7, floor) if worse else controls.learning_rate), history

"""What is decided between epochs for each seed: curriculum, learning rate, pull and saturation weight."""

import math
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
    """Step at which the longest training inputs were learned; the 'falling' schedule counts from here."""
    attempt: int = 0
    """How often the seed has started over with new weights."""
    history: tuple[float, ...] = ()
    """Perplexity (adam) or loss (adamax) of the last epochs, as the published rule for the rate needs them."""


@dataclass(frozen=True)
class EpochStatistics:
    """Means over an epoch's steps."""

    loss: float
    """Cross-entropy, nats a position, over the steps whose inputs are not longer than the curriculum's length."""
    sequence_error: float
    """Over the same steps."""
    saturation: float


def initial_controls(config: RunConfig) -> Controls:
    """Returns the controls before the first step."""
    rate = config.optimiser.learning_rate
    if config.optimiser.name == "adamax":
        rate *= 48 / config.model.channels
    return Controls(
        curriculum.initial_state(config.curriculum), rate, config.optimiser.pull, config.optimiser.saturation_weight
    )


def learning_rate(config: RunConfig, controls: Controls, step: int) -> float:
    """Returns the rate of a step (counted from 0)."""
    if config.optimiser.schedule == "published":
        return controls.learning_rate
    left = max(0, last_step(config, controls) - step)
    return controls.learning_rate * min(1.0, left / config.optimiser.fall_steps)


def last_step(config: RunConfig, controls: Controls) -> int:
    """Returns the number of steps that a seed makes, as far as it is known now."""
    if config.optimiser.schedule == "published" or controls.learned_at is None:
        return config.steps
    return min(config.steps, controls.learned_at + config.optimiser.fall_steps)


def after_epoch(
    config: RunConfig, controls: Controls, statistics: EpochStatistics, valid: ValidLength, step: int
) -> tuple[Controls, bool]:
    """Returns the next epoch's controls, and whether the relaxed copies are to be averaged now.

    A larger `attempt` asks for new weights. Published: where sequence error allows moving on, the pull grows by 1.2
    while it is below 0.1; after that the copies are averaged each time.
    """
    state = curriculum.update(config.curriculum, controls.curriculum, valid, statistics.sequence_error)
    if curriculum.starts_over(config.curriculum, state):
        return replace(initial_controls(config), attempt=controls.attempt + 1), False
    relaxed = config.model.copies > 1 and step < last_step(config, controls)
    moving_on = relaxed and statistics.sequence_error <= config.curriculum.advance_below
    average = moving_on and controls.pull >= _LARGEST_PULL
    pull = controls.pull * _PULL_GROWTH if moving_on and not average else controls.pull
    rate, history = _published_rate(config, controls, statistics)
    if state.length > controls.curriculum.length:
        history = (*history, _FORGIVING_PERPLEXITY)[-3:]
    learned_at = controls.learned_at
    longest = curriculum.longest(config.curriculum, valid)
    if learned_at is None and controls.curriculum.length >= longest:
        learned_at = step if statistics.sequence_error <= config.optimiser.fall_below else None
    weight = controls.saturation_weight
    if config.model.cell == "diagonal" and statistics.saturation > 0:
        weight = learning_rate(config, controls, step) * statistics.loss / statistics.saturation
        weight = min(max(weight, _LOWEST_SATURATION_WEIGHT), config.optimiser.saturation_weight)
    return replace(
        controls,
        curriculum=state,
        learning_rate=rate,
        pull=pull,
        saturation_weight=weight,
        learned_at=learned_at,
        history=history,
    ), average


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
    floor = initial_controls(config).learning_rate / 60
    return (max(controls.learning_rate * 0.7, floor) if worse else controls.learning_rate), history

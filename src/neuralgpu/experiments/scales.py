"""How large an experiment is made: what the three scales change in its sweeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from neuralgpu.experiments.experiment import Scale, SweepValues

LAPTOP_STEPS = 1400
"""Training steps of a laptop's trainings, the default."""
_SMOKE: Mapping[str, Any] = {
    "epoch": 2,
    "batch": 2,
    "model": {"layers": 1, "copies": 2},
    "curriculum": {"buckets": [8], "max_length": 8, "start_length": 8},
}
_LAPTOP: Mapping[str, Any] = {"batch": 16, "epoch": 40}
"""Half of the published batch and a fifth of the published epoch, so that lengths grow within fewer steps."""


def lengths(scale: Scale) -> tuple[int, int]:
    """Returns the lengths of the training inputs, the longest, and of the test inputs."""
    return (8, 12) if scale == "smoke" else (41, 201)


def smoke(tasks: Sequence[str], **more: Any) -> SweepValues:
    """Returns a sweep that shows that everything is wired, in seconds."""
    evaluate = {"lengths": list(lengths("smoke")), "count": 4, **more.pop("evaluate", {})}
    return {
        "tasks": list(tasks),
        "preset": "classic",
        "channels": [4],
        "seeds": "1",
        "steps": 4,
        "settings": dict(_SMOKE),
        "evaluate": evaluate,
        "job": {"memory": "1GB"},
        **more,
    }


def laptop(tasks: Sequence[str], **more: Any) -> SweepValues:
    """Returns a sweep of the paper's model with 24 channels that two cores do in some tens of minutes."""
    evaluate = {"lengths": list(lengths("laptop")), "count": 64, **more.pop("evaluate", {})}
    return {
        "tasks": list(tasks),
        "preset": "classic",
        "channels": [24],
        "seeds": "0..1",
        "steps": LAPTOP_STEPS,
        "settings": {**_LAPTOP, **more.pop("settings", {})},
        "evaluate": evaluate,
        **more,
    }


def published(tasks: Sequence[str], **more: Any) -> SweepValues:
    """Returns a sweep with the paper's own settings."""
    evaluate = {"lengths": list(lengths("paper")), "count": 128, **more.pop("evaluate", {})}
    return {"tasks": list(tasks), "preset": "classic", "evaluate": evaluate, **more}


def departures(scale: Scale, more: str = "") -> str:
    """Says how a laptop's trainings depart from the paper's; nothing for other scales.

    Args:
        scale: that of the trainings.
        more: a sentence on what else departs.
    """
    if scale != "laptop":
        return ""
    return (
        f"Laptop scale: the paper's model with 24 channels, {LAPTOP_STEPS:,} training steps instead of 40,000 to "
        f"200,000, batch {_LAPTOP['batch']} instead of 32, and a look at the training error, which moves the "
        f"curriculum on, every {_LAPTOP['epoch']} steps instead of every 200. {more}"
    ).rstrip()

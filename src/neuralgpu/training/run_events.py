"""What a run's log says of its start and of its end."""

from typing import TYPE_CHECKING, Any

from neuralgpu import devices
from neuralgpu.config import RunConfig

if TYPE_CHECKING:
    from neuralgpu.training.loop import Trainer


def start_event(config: RunConfig, command: str) -> dict[str, Any]:
    """Returns what is told of a run when it begins.

    Args:
        config: its settings.
        command: what started it.
    """
    return {
        "task": config.task,
        "curriculum": config.curriculum_text,
        "preset": config.preset,
        "seeds": list(config.seeds),
        "command": command,
        "device": devices.device_name(),
        "cores": devices.cores(),
        "versions": devices.versions(),
    }


def finish_event(trainer: "Trainer") -> dict[str, Any]:
    """Returns what a run has cost when it has made its last step."""
    cost = trainer.cost
    return {
        "seconds": round(trainer.seconds, 2),
        "compile_seconds": round(cost.compiling, 2),
        "compile_wait_seconds": round(cost.waited, 2),
        "padding_waste": round(cost.padding_waste, 4),
    }

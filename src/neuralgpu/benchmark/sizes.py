"""The sizes of training steps that are measured."""

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import jax

from neuralgpu.config import RunConfig
from neuralgpu.cost import check_training
from neuralgpu.settings import merged, parse_setting, preset_settings, run_config
from neuralgpu.tasks import find_task

TASK = "badd"
GROWTH_LENGTHS = (11, 21, 41, 81, 161, 281, 401)
_LENGTHS = (11, 41)


@dataclass(frozen=True, kw_only=True)
class Size:
    """A training step on one bucket of inputs that all have the same length."""

    purpose: Literal["step", "growth"] = "step"
    """'growth': to tell how time grows with the length."""
    preset: str = "classic"
    channels: int | None = None
    """None for the preset's own number."""
    seeds: int = 1
    length: int = 41
    """Of the inputs, in symbols."""
    bucket: int | None = None
    """Length that they are padded to; None for the preset's bucket, or no padding beyond its largest one."""
    batch: int = 32
    """Inputs for each seed."""
    compute: str = "float32"
    """Precision of the model's computing, model.compute."""
    settings: tuple[str, ...] = ()
    """Other settings, each as KEY=VALUE."""

    def config(self) -> RunConfig:
        """Returns the settings of a run whose only bucket has this size.

        Raises:
            UserError: a setting is not possible, the task has no inputs of this length, or a step would be absurdly
                large.
        """
        task = find_task(TASK)
        task.check_length(self.length)
        model: dict[str, Any] = {} if self.channels is None else {"channels": self.channels}
        if self.compute != "float32":
            model["compute"] = self.compute
        layers = [
            {"model": {"height": task.rows}},
            preset_settings(self.preset, task.operation),
            *map(parse_setting, self.settings),
            {"task": TASK, "batch": self.batch, "seeds": list(range(self.seeds)), "model": model},
        ]
        buckets = run_config(merged(layers)).curriculum.buckets
        bucket = self.bucket or next((bucket for bucket in buckets if bucket >= self.length), self.length)
        lengths = dict.fromkeys(("min_length", "start_length", "max_length"), self.length)
        config = run_config(merged([*layers, {"curriculum": {"buckets": [bucket], **lengths}}]))
        check_training(config)
        return config

    def __str__(self) -> str:
        channels = [] if self.channels is None else [f"{self.channels} channels"]
        seeds = f"{self.seeds} seed{'s' * (self.seeds > 1)}"
        return ", ".join([*channels, seeds, f"length {self.length}", f"batch {self.batch}", self.compute])


def standard_sizes() -> list[Size]:
    """Returns the sizes that machines are compared by: those of the paper's classic model that this machine is for."""
    widths, computes = [(24, 1), (24, 4), (128, 1)], ["float32"]
    if jax.default_backend() != "cpu":
        widths += [(24, 15), (128, 15)]
        computes += ["bfloat16"]
    return [
        Size(channels=channels, seeds=seeds, length=length, compute=compute)
        for compute, (channels, seeds), length in product(computes, widths, _LENGTHS)
    ]


def growth_sizes() -> list[Size]:
    """Returns the sizes by which the growth with the length is told: unpadded, the batch small on a CPU."""
    batch = 2 if jax.default_backend() == "cpu" else 32
    return [Size(purpose="growth", channels=24, length=length, bucket=length, batch=batch) for length in GROWTH_LENGTHS]

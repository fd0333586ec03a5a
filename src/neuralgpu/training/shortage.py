"""What to do when a training step does not fit into memory: the same with fewer seeds, or fewer inputs, at once."""

from dataclasses import replace
from typing import Any

import jax

from neuralgpu.config import RunConfig
from neuralgpu.devices import available_bytes
from neuralgpu.model.memory import bytes_text
from neuralgpu.training.microbatch import group_size, largest_divisor
from neuralgpu.training.placement import Placement


def is_out_of_memory(error: Exception) -> bool:
    """Says whether an error tells that the machine, or the device, has no more memory to give."""
    refused = isinstance(error, jax.errors.JaxRuntimeError) and str(error).startswith("RESOURCE_EXHAUSTED")
    return refused or isinstance(error, MemoryError)


def check_memory(program: Any, divided: Placement) -> None:
    """Refuses a compiled program for which this machine's memory has no room, where devices are its cores.

    Nobody else would in time: a system that promises more memory than it has kills the process that takes it, and where
    one of several cores that add something up gets none, XLA ends the process, as the others wait for it.

    Raises:
        MemoryError: the message says what is needed and what is there.
    """
    if divided.mesh.devices.flat[0].platform != "cpu":
        return
    found, available = program.memory_analysis(), available_bytes()
    needed = divided.mesh.size * (found.temp_size_in_bytes + found.output_size_in_bytes)
    if available is not None and needed > available:
        raise MemoryError(f"it needs {bytes_text(needed)}, {bytes_text(max(available, 0))} are available")


def smaller(config: RunConfig, divided: Placement) -> RunConfig | None:
    """Returns the settings with half as many seeds at once or, of a single seed, half as many inputs.

    What is learned does not depend on them, but for the order in which sums are rounded.

    Args:
        config: settings whose step did not fit.
        divided: how the devices were divided for it.

    Returns:
        None where a device works on one input of one seed already, or on a batch that has to be normalised whole.
    """
    if divided.slots > 1:
        return replace(config, group=divided.slots // 2)
    at_once = group_size(config.batch // divided.batch_ways, config)
    if at_once == 1 or config.model.batch_norm != "off":
        return None
    return replace(config, microbatch=largest_divisor(config.batch, at_once // 2))


def at_once_text(config: RunConfig) -> str:
    """Writes how much of a step these settings have worked on at once."""
    if config.microbatch:
        return f"{config.microbatch} of a seed's inputs"
    return "1 seed" if config.group == 1 else f"{config.group} seeds"

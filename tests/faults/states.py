"""States of a run that follow from their step, so that each can be told from every other by its hash."""

import hashlib
import json

import numpy as np

from neuralgpu.checkpoint import Checkpoint


def state_at(step: int, *, arrays: int = 3, size: int = 64, attempt: int = 0) -> Checkpoint:
    """Returns the state of a step.

    Args:
        step: the run's.
        arrays: how many there are.
        size: numbers in each.
        attempt: tells states of the same step apart.
    """
    numbers = np.arange(size, dtype=np.float32) * np.float32(0.618) + np.float32(step + attempt / 16)
    named = {f".model.layer{number}": numbers + np.float32(number) for number in range(arrays)}
    return Checkpoint(step, named, {"seconds": step / 3, "attempt": attempt, "diverged": {}})


def digest(checkpoint: Checkpoint) -> str:
    """Returns the hash of all that a state holds."""
    total = hashlib.sha256(json.dumps([checkpoint.step, checkpoint.state], sort_keys=True).encode())
    for name in sorted(checkpoint.arrays):
        array = checkpoint.arrays[name]
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()

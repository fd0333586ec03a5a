"""The newest whole state of a run: in memory, and on disk."""

import math
import threading

import jax

from neuralgpu.checkpoint import Checkpoint, save
from neuralgpu.config import RunConfig
from neuralgpu.errors import StorageError
from neuralgpu.room import check_room
from neuralgpu.run_directory import RunDirectory
from neuralgpu.training.step import learner_shapes

_AT_ONCE = 3
"""Checkpoints that are on disk while one is being written: it and the two before."""


def check_disk(run: RunDirectory, config: RunConfig) -> None:
    """Refuses a run whose checkpoints cannot be written, or do not fit onto the disk.

    Raises:
        StorageError: the message says what is needed and what is free.
    """
    leaves = jax.tree.leaves(learner_shapes(config, len(config.seeds)))
    size = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
    there = len(list(run.checkpoints.glob("[0-9]*"))) if run.checkpoints.is_dir() else 0
    check_room(run.checkpoints, max(1, _AT_ONCE - there) * size)


class Safety:
    """Keeps a state to go back to, and lets another thread than the training's bring it onto the disk."""

    def __init__(self, run: RunDirectory, state: Checkpoint, *, saved: bool) -> None:
        """Begins with a state of the run.

        Args:
            run: where states are saved; of several processes only the first one writes.
            state: the run's.
            saved: whether it is on disk.
        """
        self._run = run
        self.state = state
        self.saved = state.step if saved else None
        """Step of the newest state on disk; None before the first."""
        self.writing = threading.RLock()
        """Held by the training while it writes into the run directory."""
        self._over = False

    def save(self, state: Checkpoint) -> None:
        """Keeps a state in memory and writes it to disk.

        Raises:
            StorageError: the disk refused.
        """
        with self.writing:
            self.state = state
            if self._run.writable:
                if not self._run.config_file.is_file():  # nothing is saved into a directory that is made anew
                    raise StorageError(f"{self._run.path} is gone; bring it back, then use --resume.")
                save(self._run.checkpoints, state)
            self.saved = state.step

    def end(self) -> None:
        """Declares the training to be over: `abandon` has nothing more to do."""
        with self.writing:
            self._over = True

    def abandon(self) -> int | None:
        """Saves, in place of a training that is in the middle of a step, the newest whole state.

        The training writes nothing afterwards; the caller has to end the process.

        Returns:
            The step that was saved, or None where the training has come to its own end.

        Raises:
            StorageError: the disk refused.
        """
        self.writing.acquire()  # for good
        if self._over:
            self.writing.release()
            return None
        if self.saved is None or self.state.step > self.saved:
            self.save(self.state)
        assert self.saved is not None
        self._run.append_event("interrupt", self.saved)
        return self.saved

"""Saves one state after the other until it is killed: `python -m tests.faults.saving_loop FOLDER`.

It goes on where the folder's newest checkpoint stands, and reports on standard output, a line at a time: "from STEP",
each operation on the disk before it is done, and "saved STEP".
"""

import itertools
import os
import sys
from pathlib import Path

from neuralgpu.checkpoint import load_latest, save

from .disk_operations import watched
from .states import state_at

SHAPE = {"arrays": 4, "size": 500_000}
"""Eight megabytes, in eight writes."""

if __name__ == "__main__":
    folder, write = Path(sys.argv[1]), os.write
    start = load_latest(folder)[0].step if any(folder.glob("[0-9]*")) else 0

    def report(name: str, _: object = None) -> None:
        write(1, f"{name}\n".encode())

    report(f"from {start}")
    with watched(report):
        for step in itertools.count(start + 1):
            save(folder, state_at(step, **SHAPE))
            report(f"saved {step}")

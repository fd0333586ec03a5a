"""The machine has no more memory to give in the middle of a run."""

import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from neuralgpu.checkpoint import load_latest
from neuralgpu.rows import read_lines
from neuralgpu.run_directory import open_run

from .processes import run
from .registry import Outcome, fault

# What is limited is address space, and that has to stand for memory: malloc would reserve 128 MB of it for each thread.
CHILD = [
    "env",
    "-u",
    "XLA_FLAGS",
    "MALLOC_ARENA_MAX=1",
    sys.executable,
    str(Path(__file__).with_name("short_of_memory.py")),
]
WAYS = [(2, 2048, 0.75, 0), (2, 2048, 0.3, 1), (1, 4096, 0.75, 0)]
"""Seeds, batch, share of a step's memory that may be taken, after which step. From its start on a run is refused by the
program, later by the system."""
TOLERANCE = 1e-4
"""Of a parameter: what is split is added up in another order."""


@fault(
    7,
    "out of memory in a training step",
    "fewer seeds, then fewer inputs at once; recorded, kept on resume; the parameters are an undisturbed run's to "
    f"within {TOLERANCE}; where XLA ends a process of several cores instead, it is resumed with all its memory",
    short=1,
    full=8,
)
def shortage(trials: int, folder: Path) -> Outcome:
    """Limits the memory that a process may take to less than a step needs, before or after its first step."""
    if not Path("/proc/self/statm").exists():
        return Outcome(trials, 0, 0, "not tried: this system does not tell how much memory a process has")
    lost = wrong = 0
    furthest = 0.0
    splits: Counter[str] = Counter()
    aborted, reasons = 0, list[str]()
    for trial in range(trials):
        seeds, batch, share, after = WAYS[trial % len(WAYS)]
        place = folder / str(trial)
        place.mkdir()
        for name, limit in (("undisturbed", 0.0), ("short", share)):
            ended = run(place, seeds, batch, limit, after, place / name, program=CHILD)
            if limit and ended.status == -signal.SIGABRT:
                aborted += 1
                ended = run(place, seeds, batch, 0.0, after, place / name, program=CHILD)
            wrong += ended.status != 0
            reasons += [ended.err.strip().splitlines()[-1]] if ended.status else []
        one, other = (load_latest(place / name / "checkpoints")[0] for name in ("undisturbed", "short"))
        apart = max(float(np.abs(array - other.arrays[name]).max()) for name, array in one.arrays.items())
        furthest = max(furthest, apart)
        lost += one.step != other.step
        config = open_run(place / "short").config()
        events = [event for event in read_lines(place / "short" / "events.jsonl") if event["event"] == "memory"]
        wrong += apart > TOLERANCE or not events
        wrong += bool(events) and (events[-1]["group"], events[-1]["microbatch"]) != (config.group, config.microbatch)
        splits[f"{seeds} seeds of {batch} inputs to {config.group} and {config.microbatch or batch}"] += 1
    split = ", ".join(f"{what}: {count}" for what, count in splits.items())
    note = f"{split}; ended by XLA and resumed: {aborted}; parameters at most {furthest:.1e} apart"
    return Outcome(trials, lost, wrong, "; ".join([note, *reasons]))

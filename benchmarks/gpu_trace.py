"""What a trace of `jax.profiler` says of a GPU: kernels, their times and the gaps between them."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

_COPIES = ("memcpy", "memset")


class Kernels(NamedTuple):
    """What ran on the GPU while it was traced; times in microseconds."""

    launches: int
    """Launched kernels; copies and fills do not count."""
    copies: int
    """Copies and fills of memory."""
    busy: float
    """Time in which at least one of all these ran."""
    span: float
    """From the begin of the first to the end of the last."""
    longest: list[tuple[str, int, float]]
    """Names with count and total time, those with the most time first."""

    @property
    def gap_share(self) -> float:
        """Share of the span in which nothing ran."""
        return 1 - self.busy / self.span if self.span else 0.0


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Returns the events of the newest trace in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(folder.rglob("*.trace.json.gz"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError(f"{folder} holds no *.trace.json.gz")
    with gzip.open(found[-1], "rt", encoding="utf-8") as file:
        return json.load(file)["traceEvents"]


def kernels(events: Iterable[dict[str, Any]]) -> Kernels:
    """Counts what lies on the streams of GPUs.

    The profiler writes other lines of a GPU from the same kernels once more, by module and by operation: only the lines
    named 'Stream ...' count.
    """
    events = list(events)
    named = [event for event in events if event.get("ph") == "M" and "name" in event.get("args", {})]
    gpus = {e["pid"] for e in named if e["name"] == "process_name" and "GPU" in e["args"]["name"]}
    streams = {
        (e["pid"], e["tid"])
        for e in named
        if e["name"] == "thread_name" and e["pid"] in gpus and e["args"]["name"].startswith("Stream")
    }
    ran = [e for e in events if e.get("ph") == "X" and (e["pid"], e.get("tid")) in streams]
    of_memory = [event for event in ran if event["name"].lower().startswith(_COPIES)]
    counts = Counter(event["name"] for event in ran)
    times = dict.fromkeys(counts, 0.0)
    for event in ran:
        times[event["name"]] += event.get("dur", 0.0)
    intervals = sorted((event["ts"], event["ts"] + event.get("dur", 0.0)) for event in ran)
    span = max(end for _, end in intervals) - intervals[0][0] if intervals else 0.0
    longest = [(name, counts[name], times[name]) for name in sorted(times, key=times.__getitem__, reverse=True)]
    return Kernels(len(ran) - len(of_memory), len(of_memory), _covered(intervals), span, longest)


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Returns the length of the union of intervals that are sorted by their begin."""
    total, reached = 0.0, float("-inf")
    for begin, end in intervals:
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total

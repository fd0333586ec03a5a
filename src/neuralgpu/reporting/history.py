"""What the events of a run say about its training."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]
"""One line of events.jsonl; it always has 'event', 'step' and 'time' (unix seconds)."""

MEASURED = frozenset({"progress", "validate", "solved", "learned", "restart", "diverged", "memory", "finish"})


def settled(events: Iterable[Event]) -> list[Event]:
    """Leaves out what was measured after a checkpoint that the run was later resumed from: it was done again."""
    kept: list[Event] = []
    for event in events:
        if event["event"] == "resume":
            kept = [old for old in kept if old["event"] not in MEASURED or old["step"] <= event["step"]]
        kept.append(event)
    return kept


def of_kind(events: Iterable[Event], kind: str) -> list[Event]:
    """Picks the events of one kind."""
    return [event for event in events if event["event"] == kind]


def by_seed(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Groups events by their seed, each in order of steps."""
    seeds: dict[int, list[Event]] = {}
    for event in events:
        seeds.setdefault(event["seed"], []).append(event)
    return {seed: sorted(lines, key=lambda line: line["step"]) for seed, lines in sorted(seeds.items())}


def tasks_learned(events: Iterable[Event]) -> list[str]:
    """Returns the tasks that progress was made with, in the order in which they were first learned."""
    lines = [event for event in of_kind(events, "progress") if "task" in event]
    return list(dict.fromkeys(event["task"] for event in sorted(lines, key=lambda event: event["step"])))


def ending(events: Sequence[Event]) -> str:
    """Says how training ended, as a phrase that 'at step N' can follow."""
    for event in reversed(events):
        if event["event"] == "finish":
            return "finished"
        if event["event"] == "interrupt":
            return "was interrupted"
        if event["event"] in {"start", "resume"}:
            break
    return "has not finished (it still runs or was killed), last recorded"

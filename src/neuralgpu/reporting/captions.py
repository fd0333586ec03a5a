"""What a run's figures show and how it was trained, in words; also read aloud where a figure cannot be seen."""

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from neuralgpu.reporting.history import by_seed, ending, of_kind, tasks_learned
from neuralgpu.reporting.run_record import RunRecord
from neuralgpu.reporting.summary import Summary
from neuralgpu.reporting.wording import duration, number_range, percent, plural, seed_list


def training_facts(record: RunRecord) -> list[tuple[str, str]]:
    """Lists what was trained, how long and on what, as names and values."""
    start = record.start
    if start is None:
        return [("Status", "no start of training is recorded")]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(start["versions"].items()))
    longest = f"{record.trained_to:,} symbols" if record.trained_to else "not recorded"
    began = datetime.fromtimestamp(start["time"], tz=UTC)
    seeds = f"{seed_list(record.seeds)} ({plural(len(record.seeds), 'seed')})" if len(record.seeds) > 1 else ""
    stopped = [f"{event['seed']} at step {event['step']:,}" for event in of_kind(record.events, "diverged")]
    diverged = (
        [("Diverged", f"seed {', '.join(stopped)}; in the tables with the errors that it has")] if stopped else []
    )
    return [
        ("Task", str(start.get("curriculum", start["task"]))),
        ("Preset", str(start["preset"])),
        ("Seeds", seeds or seed_list(record.seeds)),
        *diverged,
        ("Longest training inputs", longest),
        ("Status", f"{ending(record.events)} at step {record.last_step:,}"),
        ("Training time", duration(record.seconds)),
        ("Started", f"{began:%Y-%m-%d %H:%M} UTC"),
        ("Device", str(start["device"])),
        ("CPU cores", str(start["cores"])),
        ("Versions", versions),
    ]


def selection_statement(record: RunRecord) -> str | None:
    """Says by which validation inputs the checkpoint was chosen, or nothing where none were used."""
    validations = of_kind(record.events, "validate")
    if not validations:
        if not record.selects_on:
            return None
        return (
            f"The checkpoint is to be chosen by validation inputs (select_on = {record.selects_on}), "
            "but no validation has been recorded yet."
        )
    lengths = sorted({event["length"] for event in validations})
    counts = [event["count"] for event in validations]
    longer = "longer than any training input, " if record.trained_to and lengths[0] > record.trained_to else ""
    return (
        f"The checkpoint was chosen by its error on {number_range(min(counts), max(counts))} validation inputs "
        f"of length {' and '.join(map(str, lengths))} ({longer}disjoint from the test inputs by their random seed)."
    )


def learning_caption(record: RunRecord) -> str:
    """Says where loss, sequence error and curriculum length began and where they were last."""
    seeds = by_seed(of_kind(record.events, "progress"))
    first, last = [lines[0] for lines in seeds.values()], [lines[-1] for lines in seeds.values()]

    def change(name: str) -> tuple[float, float]:
        return median(float(event[name]) for event in first), median(float(event[name]) for event in last)

    loss, error, length = change("loss"), change("sequence_error"), change("length")
    whose = f"Medians of {len(seeds)} seeds: l" if len(seeds) > 1 else "L"
    if len(tasks_learned(record.events)) > 1:
        return _chain_caption(record, error)
    return (
        f"{whose}oss went from {loss[0]:.2g} to {loss[1]:.2g} and sequence error on training inputs from "
        f"{percent(error[0])} to {percent(error[1])}, while the curriculum length went from {length[0]:g} to "
        f"{length[1]:g}."
    )


def _chain_caption(record: RunRecord, error: tuple[float, float]) -> str:
    """Says when each task was solved."""
    solved: dict[str, list[int]] = {}
    for event in of_kind(record.events, "solved"):
        solved.setdefault(event["task"], []).append(event["step"])
    many = len(record.seeds) > 1

    def when(steps: list[int]) -> str:
        who = f" by {len(steps)} of {len(record.seeds)} seeds, median" if many else ""
        return f"{who} at step {int(median(steps)):,}"

    told = "; ".join(f"{task}{when(steps)}" for task, steps in solved.items()) or "none"
    return (
        f"The lines show the task being learned. Solved: {told}. "
        f"Sequence error on its training inputs was last {percent(error[1])}."
    )


def error_caption(summaries: Sequence[Summary], noun: str) -> str:
    """Says what the error is at the smallest and the largest place, and where most is wrong.

    Args:
        summaries: in the order of the x axis, at least one.
        noun: what the x axis measures: "length", or "carry length".
    """
    many = summaries[0].seeds > 1

    def at(summary: Summary) -> str:
        worst = f" (worst seed {percent(summary.highest)})" if many else ""
        return f"{percent(summary.median)}{worst} at {noun} {summary.size or summary.length:,}"

    ends = at(summaries[0]) if len(summaries) == 1 else f"{at(summaries[0])} and {at(summaries[-1])}"
    most = max(summaries, key=lambda summary: summary.median)
    peak = f"; highest {at(most)}" if most.median > max(summaries[0].median, summaries[-1].median) else ""
    return f"{'Median s' if many else 'S'}equence error: {ends}{peak}. All values are in the results table."

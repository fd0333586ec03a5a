"""The finding of a run in one or two sentences, computed from its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from neuralgpu.reporting.history import by_seed, ending, of_kind
from neuralgpu.reporting.run_record import RunRecord
from neuralgpu.reporting.summary import Summary, of_suite, summarise
from neuralgpu.reporting.wording import average_of, interval, number_range, percent, plural
from neuralgpu.rows import SUCCESS_BELOW, ResultRow

PAPER_LENGTH = 401
"""Input length at which the paper's program judges generalisation."""


@dataclass(frozen=True)
class Verdict:
    """A finding and how good it is."""

    tone: Literal["good", "mixed", "bad", "open"]
    text: str
    notes: tuple[str, ...] = ()
    """What a careful reader should know about it."""
    needs_evaluation: bool = False
    """Whether the results that a verdict needs are still to be made."""


def reach_verdict(record: RunRecord) -> Verdict:
    """Says whether the run learned its task, judged on the longest random inputs up to the paper's length."""
    summaries = summarise(record.task_rows)
    random = of_suite(summaries, "random")
    averages = of_suite(summaries, "random", averages=True)
    further = _carries(of_suite(summaries, "carry")) + _averages(averages, record.trained_to)
    if not random:
        missing = "No random inputs were tested yet." if summaries else "There are no results yet."
        if averages:
            missing = "No seed was tested on random inputs by itself yet."
        text = " ".join([_training_state(record), missing, *further])
        return Verdict("open", text, needs_evaluation=True)

    headline = _headline(random, record.trained_to)
    longest = random[-1]
    sentences = [_single(headline, random, record) if headline.seeds == 1 else _several(headline, record)]
    if longest.length > headline.length:
        sentences.append(
            f"At length {longest.length:,}, the longest tested, {_spread(longest)} of the inputs are wrong."
        )
    tone = "good" if headline.seeds_below == headline.seeds else "mixed" if headline.lowest < 0.5 else "bad"
    if headline.seeds_below == 0 and not record.learned_seeds:
        sentences.append(_training_state(record))
    return Verdict(tone, " ".join(sentences + further), tuple(_notes(headline, record)))


def _headline(random: Sequence[Summary], trained_to: int | None) -> Summary:
    """Picks the longest length up to the paper's that is longer than training's, else the longest of all."""
    fair = [summary for summary in random if (trained_to or 0) < summary.length <= PAPER_LENGTH]
    return fair[-1] if fair else random[-1]


def _right(row: ResultRow) -> str:
    right = row.count - round(row.sequence_error * row.count)
    return (
        f"right on {right:,} of {row.count:,} random inputs of length {row.length:,} (sequence error "
        f"{percent(row.sequence_error)}, 95% interval {interval(row.ci_low, row.ci_high)})"
    )


def _trained_on(record: RunRecord) -> str:
    return f", trained on inputs of at most {record.trained_to:,} symbols" if record.trained_to else ""


def _single(headline: Summary, random: Sequence[Summary], record: RunRecord) -> str:
    row = headline.rows[0]
    finding = _right(row)
    if row.sequence_error < SUCCESS_BELOW:
        return f"{finding[0].upper()}{finding[1:]}{_trained_on(record)}."
    trained = [s.rows[0] for s in random if s.seeds == 1 and s.length <= (record.trained_to or 0)]
    if trained and trained[-1] is not row and trained[-1].sequence_error >= SUCCESS_BELOW:
        return f"Not below 1% even at its training lengths: {_right(trained[-1])}, and {finding}{_trained_on(record)}."
    prefix = "Generalised only in part" if row.sequence_error < 0.5 else "Did not generalise"
    return f"{prefix}: {finding}{_trained_on(record)}."


def _several(headline: Summary, record: RunRecord) -> str:
    share = f"{headline.seeds_below} of {headline.seeds} seeds ({interval(*headline.below_interval)})"
    below = f"{share} are below 1% at length {headline.length:,}"
    prefix = "" if headline.seeds_below else "Did not generalise: "
    inputs = number_range(*headline.counts)
    return (
        f"{prefix}{below} (sequence error: best {percent(headline.lowest)}, median {percent(headline.median)}, "
        f"worst {percent(headline.highest)}; {inputs} random inputs each){_trained_on(record)}."
    )


def _spread(summary: Summary) -> str:
    if summary.seeds == 1:
        return percent(summary.lowest)
    return f"{percent(summary.lowest)} (best seed) to {percent(summary.highest)} (worst)"


def _notes(headline: Summary, record: RunRecord) -> list[str]:
    notes = []
    if headline.seeds_below and any(row.sequence_error < SUCCESS_BELOW <= row.ci_high for row in headline.rows):
        notes.append("The 95% interval reaches above 1%: it takes more inputs to be sure that the error is below 1%.")
    if record.trained_to and headline.length <= record.trained_to:
        notes.append("No input longer than the training inputs was tested, so this says nothing about generalisation.")
    restarted = {event["seed"] for event in of_kind(record.events, "restart")}
    if restarted:
        who = "The seed" if len(record.seeds) == 1 else f"{len(restarted)} of the {len(record.seeds)} seeds"
        notes.append(f"{who} started over with new weights after learning short inputs by heart.")
    untested = len(set(record.seeds) - {row.seed for row in headline.rows})
    if untested:
        notes.append(f"{untested} of the {len(record.seeds)} seeds trained were not tested at this length.")
    return notes


def _training_state(record: RunRecord) -> str:
    """Says how training ended and whether it learned its longest inputs."""
    progress = by_seed(of_kind(record.events, "progress"))
    if not progress:
        return "Training has not recorded any progress yet."
    stopped = f"Training {ending(record.events)} at step {record.last_step:,}"
    longest = f"its longest inputs ({record.trained_to} symbols)"
    learned, seeds = len(record.learned_seeds), len(progress)
    last = [lines[-1] for lines in progress.values()]
    error = percent(median(float(line["sequence_error"]) for line in last))
    if learned:
        who = "it" if seeds == 1 else f"{learned} of {seeds} seeds"
        whose = "an error" if seeds == 1 else "a median error"
        return f"{stopped}; {who} learned {longest}, down to {whose} of {error}."
    reached = number_range(min(line["length"] for line in last), max(line["length"] for line in last))
    who, whose = ("it", "its") if seeds == 1 else ("any seed", "the median")
    return f"{stopped}, before {who} learned {longest}: {whose} sequence error was {error} at length {reached}."


def _carries(carry: Sequence[Summary]) -> list[str]:
    """Says how far carries run right: one sentence, or none where no carries were tested."""
    seeds: dict[tuple[str, int | None], list[ResultRow]] = {}
    for summary in carry:
        for row in summary.rows:
            seeds.setdefault((row.run, row.seed), []).append(row)
    if not seeds:
        return []
    reach = [_right_up_to(rows) for rows in seeds.values()]
    if len(reach) > 1:
        far, middle, near = max(reach), int(median(reach)), min(reach)
        if near == far:
            return [f"Carries: every one right up to {plural(far, 'digit')} in all {len(reach)} seeds."]
        return [
            f"Carries: every one right up to {far} digits in the best seed, {middle} in the median, "
            f"{near} in the worst."
        ]
    rows, digits = next(iter(seeds.values())), reach[0]
    wrong = [row for row in rows if (row.size or 0) > digits]
    if not wrong:
        return [f"Carries: every one right up to {plural(digits, 'digit')}."]
    failing = f"{percent(wrong[0].sequence_error)} wrong at {plural(wrong[0].size or 0, 'digit')}"
    return [
        f"Carries: every one right up to {plural(digits, 'digit')}, {failing}." if digits else f"Carries: {failing}."
    ]


def _averages(random: Sequence[Summary], trained_to: int | None) -> list[str]:
    """Says how often the average of the seeds is right: one sentence, or none where it was not asked."""
    rows = _headline(random, trained_to).rows if random else ()
    return [f"The {average_of(row.averaged)} is {_right(row)}." for row in rows if row.averaged]


def _right_up_to(rows: Sequence[ResultRow]) -> int:
    """Finds the carry length up to which no tested input was wrong, 0 where the shortest already fails."""
    digits = 0
    for row in rows:
        if row.sequence_error > 0:
            break
        digits = row.size or 0
    return digits

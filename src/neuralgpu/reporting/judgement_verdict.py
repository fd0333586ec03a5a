"""The finding of a judgement in one sentence, computed from its rows."""

from collections.abc import Sequence
from statistics import median

from neuralgpu.reporting.judgement import Findings, surely_above
from neuralgpu.reporting.summary import Summary
from neuralgpu.reporting.verdict import Verdict
from neuralgpu.reporting.wording import average_of, interval, percent, plural
from neuralgpu.rows import SUCCESS_BELOW

_NAMED = 4
"""Failing suites that are called by name."""


def reach_judgement(findings: Findings) -> Verdict:
    """Says on which inputs the judged is right, and on which it is not."""
    suites = findings.suites
    random = suites.get("random", [])
    failing = _failing(findings)
    met = any(row.threshold is not None for row in findings.thresholds)
    right = all(_succeeds(summary) for summary in random)
    if not failing and not met and not findings.counterexamples and not _wrong_inputs(findings):
        text = (
            f"{_random(random)}; no fault was found in {findings.record.asked:,} inputs "
            f"of {plural(len(suites), 'suite')}"
        )
    else:
        clauses = [_random(random), _carries(findings), _zeros(findings), _others(failing), _searched(findings)]
        text = "; ".join(clause for clause in clauses if clause)
    unsure = failing or met or findings.counterexamples or findings.record.ended
    tone = "bad" if random and not right else "mixed" if unsure else "good"
    sentence = f"{_who(findings)}{text}."
    return Verdict(tone, sentence[0].upper() + sentence[1:], tuple(_notes(findings)))


def _who(findings: Findings) -> str:
    record = findings.record
    if record.averaged is not None:
        return f"The {average_of(record.averaged)}: "
    return f"{plural(len(record.seeds), 'seed')}: " if len(record.seeds) > 1 else ""


def _succeeds(summary: Summary) -> bool:
    return summary.seeds_below == summary.seeds


def _wrong_inputs(findings: Findings) -> int:
    return sum(round(row.sequence_error * row.count) for row in findings.rows)


def _random(random: Sequence[Summary]) -> str:
    if not random:
        return "not asked random inputs"
    below = [summary for summary in random if _succeeds(summary)]
    worst = next((summary for summary in random if not _succeeds(summary)), None)
    if random[0].seeds > 1:
        last = random[-1]
        return (
            f"{last.seeds_below} of {last.seeds} ({interval(*last.below_interval)}) are below 1% "
            f"on random inputs of length {last.length:,} "
            f"(error: median {percent(last.median)}, worst {percent(last.highest)})"
        )
    if worst is None:
        word = "correct" if all(summary.highest == 0 for summary in random) else "below 1% wrong"
        return f"{word} on random inputs up to length {random[-1].length:,}"
    failure = f"{percent(worst.highest)} wrong on random inputs of length {worst.length:,}"
    upto = [summary for summary in below if summary.length < worst.length]
    return f"below 1% wrong on random inputs up to length {upto[-1].length:,}, {failure}" if upto else failure


def _carries(findings: Findings) -> str:
    """Says how long carries may be, judged by the suite that is lost first."""
    chains = [row for row in findings.thresholds if row.suite.startswith("carry")]
    if not chains:
        return ""
    tried = max(row.size for row in chains)
    first: dict[int | None, int | None] = {row.seed: None for row in chains}
    for row in chains:
        known = first[row.seed]
        if row.threshold is not None and (known is None or row.threshold < known):
            first[row.seed] = row.threshold
    met = [size for size in first.values() if size is not None]
    if not met:
        return f"keeps at least half of all carries up to {plural(tried, 'digit')}"
    if len(first) == 1:
        return f"loses carries from {plural(met[0], 'digit')} on"
    middle = median([*met, *[float("inf")] * (len(first) - len(met))])
    where = f"from {middle:g} digits on in the median seed" if middle < float("inf") else "in fewer than half of them"
    return f"carries are lost {where}, from {plural(min(met), 'digit')} on in the worst"


def _zeros(findings: Findings) -> str:
    """Says how many pairs of single digits behind zeros are answered wrongly (Table 3)."""
    if not findings.zeros:
        return ""
    wrong = [sum(not right for *_, right in line["pairs"]) for line in findings.zeros]
    pairs, zeros = len(findings.zeros[0]["pairs"]), findings.zeros[0]["zeros"]
    if not any(wrong):
        return f"right on all {pairs} pairs of single digits behind {plural(zeros, 'zero')}"
    whose = "" if len(wrong) == 1 else f" in the median seed, {max(wrong)} in the worst,"
    return f"fails on {median(wrong):g}{whose} of {pairs} pairs of single digits behind {plural(zeros, 'zero')}"


def _failing(findings: Findings) -> dict[str, float]:
    """Returns the suites whose error is surely above 1% somewhere, with the largest error there."""
    failing: dict[str, float] = {}
    for row in findings.rows:
        if surely_above(row):
            failing[row.suite] = max(row.sequence_error, failing.get(row.suite, 0.0))
    return failing


def _others(failing: dict[str, float]) -> str:
    others = {
        suite: error
        for suite, error in sorted(failing.items(), key=lambda one: -one[1])
        if suite not in ("random", "leading-zeros") and not suite.startswith("carry")
    }
    if not others:
        return ""
    named = [f"{suite} (up to {percent(error)})" for suite, error in list(others.items())[:_NAMED]]
    more = f" and {plural(len(others) - len(named), 'more suite')}" if len(others) > len(named) else ""
    return f"fails on {', '.join(named)}{more}"


def _searched(findings: Findings) -> str:
    """Says that a search found faults that no suite has shown."""
    found = findings.counterexamples
    if not found or _wrong_inputs(findings):
        return ""
    return f"a search found {plural(len(found), 'wrong input')}, the smallest of {plural(found[0]['length'], 'symbol')}"


def _notes(findings: Findings) -> list[str]:
    record, notes = findings.record, []
    if record.ended:
        notes.append(f"Not everything was asked, since {record.ended}: suites and lengths that are not shown were not.")
    lost = sum(record.unanswered.values())
    if lost:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in record.unanswered.items())
        notes.append(f"No answer was had to {plural(lost, 'input')}, which count as wrong: {reasons}.")
    if record.diverged:
        seeds = ", ".join(f"{seed} at step {step:,}" for seed, step in record.diverged.items())
        notes.append(f"Training of these seeds diverged, so their rows say nothing of what can be learned: {seeds}.")
    if any(row.sequence_error < SUCCESS_BELOW <= row.ci_high for row in findings.rows):
        notes.append(
            "Where the table says “measured”, the error is below 1% but its 95% interval reaches above: "
            "more inputs would tell."
        )
    if record.trained_to and not any(row.length > record.trained_to for row in findings.rows):
        notes.append("No input was longer than the training inputs, so this says nothing about generalisation.")
    return notes

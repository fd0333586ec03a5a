"""The tables of a judgement: every row, a line for each suite, thresholds, and facts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from rich.table import Table

from neuralgpu.reporting import tables
from neuralgpu.reporting.judgement import Findings, surely_above, surely_below
from neuralgpu.reporting.summary import Summary
from neuralgpu.reporting.wording import average_of, duration, interval, number_range, percent, plural, seed_list
from neuralgpu.rows import SUCCESS_BELOW, ResultRow, ThresholdRow

CERTAINTY_NOTE = (
    "Below 1%: “surely” or “no” where the whole 95% interval lies below or above, “measured” or “not measured” "
    "where it holds 1%. “128 of 512” inputs: no more were asked, since that was certain."
)

SUITES_COLUMNS = ("Suite", "Worst error", "At length", "Below 1%", "Threshold", "95% interval", "Inputs")
"""Columns of the table with a line for each suite."""


def facts(findings: Findings) -> list[tuple[str, str]]:
    """Lists what was judged and how, as names and values."""
    record = findings.record
    began = datetime.fromtimestamp(record.started, tz=UTC)
    known = [("Task", f"{record.task} ({record.operation}, base {record.base}, {record.layout})")]
    if record.trained_seeds:
        known.append(("Seeds", seed_list(record.trained_seeds)))
    if record.averaged is not None:
        known.append(("Answered by", average_of(record.averaged)))
    if record.step is not None:
        known.append(("Training step", f"{record.step:,}"))
    if record.trained_to is not None:
        known.append(("Longest training inputs", plural(record.trained_to, "symbol")))
    if record.trained_with is not None:
        known.append(("Trained with", record.trained_with))
    if record.trained_on is not None and record.trained_seconds is not None:
        known.append(("Training time", f"{duration(record.trained_seconds)} ({record.trained_on})"))
    known += [
        ("Inputs asked", f"{record.asked:,}"),
        *((name.capitalize(), f"{number:,}") for name, number in record.spent.items()),
        ("Time", duration(record.seconds)),
        ("Judged", f"{began:%Y-%m-%d %H:%M} UTC"),
        ("Test seed", str(record.test_seed)),
    ]
    if record.device is not None:
        known.append(("Device", record.device))
    return [
        *known,
        ("CPU cores", str(record.cores)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))),
    ]


def verdict_word(row: ResultRow) -> str:
    """Says whether a row's error is below 1%, and how sure that is."""
    if surely_below(row):
        return "surely"
    if surely_above(row):
        return "no"
    return "measured" if row.sequence_error < SUCCESS_BELOW else "not measured"


def judged_columns(findings: Findings) -> tuple[str, ...]:
    """Names the columns of the table of all rows."""
    several = len(findings.record.seeds) > 1
    spread = ("Best", "Median", "Worst", "Below 1%") if several else ("Error", "95% interval", "Below 1%")
    return ("Length", "Size", "Inputs", *spread, "First wrong digit")


def judged_cells(summary: Summary, columns: Sequence[str]) -> list[str]:
    """Writes one line of the table of all rows."""
    row = summary.rows[0]
    planned = max((one.planned or one.count) for one in summary.rows)
    asked = number_range(*summary.counts)
    first = [one.first_wrong + 1 for one in summary.rows if one.first_wrong is not None]
    cells = dict(
        zip(tables.SEVERAL_SEEDS_COLUMNS, tables.table_cells(summary, tables.SEVERAL_SEEDS_COLUMNS), strict=True)
    )
    cells |= {
        "Inputs": asked if planned == max(summary.counts) else f"{asked} of {planned:,}",
        "Error": percent(row.sequence_error),
        "95% interval": interval(row.ci_low, row.ci_high),
        "First wrong digit": f"{median(first):g}" if first else "–",
    }
    if "Error" in columns:
        cells["Below 1%"] = verdict_word(row)
    else:
        cells["Below 1%"] += f" ({interval(*summary.below_interval)})"
    return [cells[column] for column in columns]


def threshold_text(rows: Sequence[ThresholdRow]) -> str:
    """Writes a suite's threshold: one's own, or the median over seeds with the smallest and the largest."""
    if not rows:
        return "–"
    beyond = f"none to {max(row.size for row in rows):,}"
    if len(rows) == 1:
        return beyond if rows[0].threshold is None else f"{rows[0].threshold:,}"
    sizes = sorted(float("inf") if row.threshold is None else row.threshold for row in rows)

    def size(value: int | float) -> str:
        return "none" if value == float("inf") else f"{value:g}"

    if sizes[0] == float("inf"):
        return beyond
    return f"{size(median(sizes))} ({size(sizes[0])} to {size(sizes[-1])})"


def suites_table(findings: Findings) -> Table:
    """Builds the table of a judgement for a terminal of 80 columns: a line for each suite, without intervals."""
    table = Table(box=None, pad_edge=False)
    suite, *others, _, inputs = SUITES_COLUMNS
    table.add_column(suite, no_wrap=True)
    for column in (*others, inputs):
        table.add_column(column, justify="right")
    for cells in suite_lines(findings):
        table.add_row(*cells[:-2], cells[-1])
    return table


def suite_lines(findings: Findings) -> list[list[str]]:
    """Writes the line of each suite: its worst error with length and interval, its threshold, its inputs."""
    lines = []
    for suite, summaries in findings.suites.items():
        rows = [row for summary in summaries for row in summary.rows]
        worst = max(rows, key=lambda row: (row.sequence_error, row.ci_high, row.length))
        lines.append(
            [
                suite,
                percent(worst.sequence_error),
                f"{worst.length:,}",
                verdict_word(worst),
                threshold_text(findings.thresholds_of(suite)),
                interval(worst.ci_low, worst.ci_high),
                f"{sum(max(summary.counts) for summary in summaries):,}",
            ]
        )
    return lines

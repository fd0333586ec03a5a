"""The results table: its columns and cells for reports, and the same as a table for the terminal."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from neuralgpu.reporting.summary import Summary, summarise
from neuralgpu.reporting.wording import average_of, interval, number_range, percent
from neuralgpu.rows import ResultRow

SINGLE_SEED_COLUMNS = ("Length", "Size", "Inputs", "Sequence error", "95% interval", "Symbol error")
SEVERAL_SEEDS_COLUMNS = ("Length", "Size", "Inputs", "Best", "Median", "Worst", "Below 1%", "Symbol error")

SIZE_NOTE = "Size is the suite's own, as 'neuralgpu suites' has it; for 'carry' the digits that the carry runs through."
SEEDS_NOTE = (
    "Best, median and worst are sequence errors over the seeds; inputs are for each seed; symbol error is the median."
)


def table_columns(summaries: Sequence[Summary]) -> tuple[str, ...]:
    """Names the columns: an interval where every line is of one seed, else the spread of the seeds."""
    columns = SINGLE_SEED_COLUMNS if all(summary.seeds == 1 for summary in summaries) else SEVERAL_SEEDS_COLUMNS
    sized = any(summary.size is not None for summary in summaries)
    return tuple(column for column in columns if sized or column != "Size")


def table_notes(columns: Sequence[str]) -> list[str]:
    """Explains the columns that do not explain themselves."""
    return [SIZE_NOTE] * ("Size" in columns) + [SEEDS_NOTE] * ("Worst" in columns)


def table_cells(summary: Summary, columns: Sequence[str]) -> list[str]:
    """Writes one summary, a cell for each column."""
    row = summary.rows[0]
    cells = {
        "Length": f"{summary.length:,}",
        "Size": "–" if summary.size is None else f"{summary.size:,}",
        "Inputs": number_range(*summary.counts),
        "Sequence error": percent(row.sequence_error),
        "95% interval": interval(row.ci_low, row.ci_high),
        "Best": percent(summary.lowest),
        "Median": percent(summary.median),
        "Worst": percent(summary.highest),
        "Below 1%": f"{summary.seeds_below} of {summary.seeds}",
        "Symbol error": percent(summary.symbol_error),
    }
    return [cells[column] for column in columns]


def suite_groups(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    """Groups summaries by suite, and by task and layout where there are several; the titles say which.

    An average of seeds has groups of its own.
    """
    summaries = list(summaries)
    mixed = len({(summary.task, summary.layout) for summary in summaries}) > 1
    groups: dict[str, list[Summary]] = {}
    for summary in summaries:
        title = f"{summary.suite} ({summary.task}, {summary.layout})" if mixed else summary.suite
        if summary.averaged is not None:
            title += f", {average_of(summary.averaged)}"
        groups.setdefault(title, []).append(summary)
    return groups


def results_table(rows: Iterable[ResultRow]) -> Table:
    """Builds the results table for a terminal of 80 columns."""
    summaries = summarise(rows)
    columns = table_columns(summaries)
    table = Table(box=None, pad_edge=False, caption="\n".join(table_notes(columns)) or None, caption_justify="left")
    table.add_column("Suite", no_wrap=False)
    for column in columns:
        table.add_column(column, justify="right")
    for title, group in suite_groups(summaries).items():
        for number, summary in enumerate(group):
            last = number == len(group) - 1
            table.add_row(title if number == 0 else "", *table_cells(summary, columns), end_section=last)
    return table

"""Which result rows count, and what several seeds' rows say together; for reports, tables and figures alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from neuralgpu.proportion import wilson_interval
from neuralgpu.rows import SUCCESS_BELOW, ResultRow


def latest_rows(rows: Iterable[ResultRow]) -> list[ResultRow]:
    """Keeps what holds now: each seed's newest checkpoint and, where it was judged again, the last row written.

    The average of a run's seeds counts as one more seed.
    """
    rows = list(rows)
    newest: dict[tuple[str, int | None], int] = {}
    for row in rows:
        seed = (row.run, row.seed)
        newest[seed] = max(row.step or 0, newest.get(seed, 0))
    latest = {
        (row.run, row.seed, row.task, row.layout, row.suite, row.length, row.size): row
        for row in rows
        if (row.step or 0) == newest[row.run, row.seed]
    }
    return list(latest.values())


@dataclass(frozen=True)
class Summary:
    """What every seed did on one suite at one length and size, or what their average did."""

    rows: tuple[ResultRow, ...]
    """One row a seed, or one of the average; never empty."""

    @property
    def averaged(self) -> int | None:
        """Number of seeds that answered together, or None where each did by itself."""
        return self.rows[0].averaged

    @property
    def task(self) -> str:
        """The task that was tested."""
        return self.rows[0].task

    @property
    def layout(self) -> str:
        """How the operands were put on the grid."""
        return self.rows[0].layout

    @property
    def suite(self) -> str:
        """The suite that the inputs came from."""
        return self.rows[0].suite

    @property
    def length(self) -> int:
        """Input length in symbols."""
        return self.rows[0].length

    @property
    def size(self) -> int | None:
        """The suite's own size, or None where it has none."""
        return self.rows[0].size

    @property
    def seeds(self) -> int:
        """How many seeds were tested."""
        return len(self.rows)

    @property
    def seeds_below(self) -> int:
        """How many seeds are below 1% sequence error."""
        return sum(row.sequence_error < SUCCESS_BELOW for row in self.rows)

    @property
    def below_interval(self) -> tuple[float, float]:
        """The 95% interval of the share of all seeds that is below 1% sequence error."""
        return wilson_interval(self.seeds_below, self.seeds)

    @property
    def counts(self) -> tuple[int, int]:
        """Fewest and most inputs that a seed was given."""
        counts = [row.count for row in self.rows]
        return min(counts), max(counts)

    @property
    def lowest(self) -> float:
        """Sequence error of the best seed."""
        return min(row.sequence_error for row in self.rows)

    @property
    def median(self) -> float:
        """Median of the seeds' sequence errors."""
        return median(row.sequence_error for row in self.rows)

    @property
    def highest(self) -> float:
        """Sequence error of the worst seed."""
        return max(row.sequence_error for row in self.rows)

    @property
    def symbol_error(self) -> float:
        """Median of the seeds' symbol errors."""
        return median(row.symbol_error for row in self.rows)


def summarise(rows: Iterable[ResultRow]) -> list[Summary]:
    """Puts the latest rows of all seeds together, the suite 'random' first, then by name, size and length.

    What averages did comes after what the seeds did, suite by suite.
    """
    groups: dict[tuple[str, str, str, int, int | None, int | None], list[ResultRow]] = {}
    for row in latest_rows(rows):
        groups.setdefault((row.task, row.layout, row.suite, row.length, row.size, row.averaged), []).append(row)
    summaries = [Summary(tuple(sorted(group, key=lambda row: (row.run, row.seed or 0)))) for group in groups.values()]

    def order(s: Summary) -> tuple[str, str, bool, str, int, int, int]:
        return s.task, s.layout, s.suite != "random", s.suite, s.averaged or 0, s.size or 0, s.length

    return sorted(summaries, key=order)


def of_suite(summaries: Sequence[Summary], suite: str, *, averages: bool = False) -> list[Summary]:
    """Picks the summaries of one suite: what the seeds did each by itself, or what averages of them did."""
    return [summary for summary in summaries if summary.suite == suite and (summary.averaged is not None) == averages]

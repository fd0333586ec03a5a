"""The terminal's table holds the numbers of the rows and fits 80 columns."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from neuralgpu.reporting.tables import results_table
from neuralgpu.rows import ResultRow, read_rows


def printed(rows: list[ResultRow]) -> list[str]:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(results_table(rows))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_one_seed_has_intervals(build_run: Callable[[str], Path]) -> None:
    lines = printed(read_rows(build_run("multiplication") / "results.jsonl"))
    assert lines[0].split("  ")[0] == "Suite" and "95% interval" in lines[0]
    assert "zeros       41     256           37.9%   32.2 to 44.0%          1.3%" in lines


def test_several_seeds_have_a_spread(build_run: Callable[[str], Path]) -> None:
    lines = printed(read_rows(build_run("mixed") / "results.jsonl"))
    assert "           401     –     256  0.0%    0.0%  100.0%   9 of 10          0.0%" in lines


def test_an_average_is_named(make_row: Callable[..., ResultRow]) -> None:
    lines = printed([make_row(seed=None, averaged=3, errors=2), make_row(seed=1), make_row(seed=2, errors=256)])
    seeds, average, more = (line.split() for line in lines[1:4])
    assert seeds[:6] == ["random", "401", "256", "0.0%", "50.0%", "100.0%"]
    assert [*average[:3], *more] == ["random,", "average", "of", "3", "seeds"]
    assert average[3:8] == ["401", "256", "0.8%", "0.8%", "0.8%"]


def test_nothing_is_cut_at_80_columns(make_row: Callable[..., ResultRow]) -> None:
    long = {"suite": "repeated digits", "task": "sbaddet", "layout": "unpadded", "length": 100001, "size": 50000}
    rows = [make_row(seed=seed, count=10**seed, **long) for seed in range(1, 6)] + [make_row()]
    lines = printed(rows)
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)
    assert any("100,001" in line and "50,000" in line for line in lines)


def test_no_rows_give_an_empty_table() -> None:
    assert results_table([]).row_count == 0

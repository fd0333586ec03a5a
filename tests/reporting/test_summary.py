"""Which rows count, and what they say together."""

from collections.abc import Callable

from neuralgpu.reporting.summary import latest_rows, of_suite, summarise
from neuralgpu.rows import ResultRow


def test_the_last_of_repeated_rows_wins(make_row: Callable[..., ResultRow]) -> None:
    first, second = make_row(errors=9), make_row(errors=3)
    assert latest_rows([first, second]) == [second]


def test_rows_of_an_older_checkpoint_are_left_out_even_where_nothing_replaces_them(
    make_row: Callable[..., ResultRow],
) -> None:
    old, new = make_row(step=100, length=801), make_row(step=200)
    assert latest_rows([new, old]) == [new]


def test_each_seed_has_its_own_newest_checkpoint(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(seed=1, step=100), make_row(seed=2, step=200), make_row(run="other", seed=1, step=50)]
    assert latest_rows(rows) == rows


def test_seeds_are_put_together(make_row: Callable[..., ResultRow]) -> None:
    (summary,) = summarise(make_row(seed=seed, count=128, errors=errors) for seed, errors in enumerate((0, 1, 31, 64)))
    assert (summary.lowest, summary.median, summary.highest) == (0.0, 0.125, 0.5)
    assert (summary.seeds, summary.seeds_below, summary.counts) == (4, 2, (128, 128))


def test_an_average_of_seeds_is_kept_apart_from_them(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(seed=None, averaged=2), make_row(seed=1), make_row(seed=2), make_row(suite="zeros")]
    summaries = summarise(rows)
    assert [(s.suite, s.averaged, s.seeds) for s in summaries] == [
        ("random", None, 2),
        ("random", 2, 1),
        ("zeros", None, 1),
    ]
    assert of_suite(summaries, "random") == summaries[:1]
    assert of_suite(summaries, "random", averages=True) == summaries[1:2]


def test_order_is_random_first_then_suites_by_name_and_size(make_row: Callable[..., ResultRow]) -> None:
    rows = [
        make_row(suite="zeros"),
        make_row(suite="carry", size=20, length=43),
        make_row(suite="carry", size=5, length=99),
        make_row(length=401),
        make_row(length=41),
    ]
    order = [(summary.suite, summary.size or summary.length) for summary in summarise(rows)]
    assert order == [("random", 41), ("random", 401), ("carry", 5), ("carry", 20), ("zeros", 401)]


def test_tasks_and_layouts_are_kept_apart(make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(), make_row(task="bmul"), make_row(layout="aligned")]
    assert [summary.seeds for summary in of_suite(summarise(rows), "random")] == [1, 1, 1]

"""How sizes are chosen and what is kept of them; the command's own test measures."""

import time
import timeit
from typing import Any

import jax
import pytest
from rich.console import Console

from neuralgpu import cost
from neuralgpu.benchmark import matrices, measure
from neuralgpu.benchmark.growth import growth_points
from neuralgpu.benchmark.measure import LeftOut, Measured, measured_within
from neuralgpu.benchmark.sizes import Size
from neuralgpu.benchmark.tables import COLUMNS, growth_table, growth_text, steps_table
from neuralgpu.benchmark.work import Work

SHORT, LONG = Size(length=5, batch=1), Size(length=41, batch=1, purpose="growth")


def as_measured(size: Size, seconds: float = 0.5) -> Measured:
    return Measured(
        size=size,
        config=size.config(),
        work=Work(1e9, 2_000_000, 0.25),
        seconds=(seconds, 3 * seconds, seconds),
        compile_seconds=4.0,
        data_seconds=0.01,
        matrix_rate=1e10,
        memory_bytes=12_000_000_000,
    )


def test_figures_follow_from_what_was_measured() -> None:
    record = as_measured(SHORT).record()
    assert record["kind"] == "step"
    assert (record["step_seconds"], record["step_seconds_least"], record["steps_timed"]) == (0.5, 0.5, 3)
    assert record["cells_per_second"] == 4_000_000
    assert record["share_of_peak"] == pytest.approx(0.2)
    assert record["data_share"] == pytest.approx(0.02)
    assert (record["channels"], record["bucket"], record["padding"]) == (24, 8, 0.25)


def test_most_work_comes_last_and_is_left_out_beyond_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, watched = [0.0], []

    def fake(size: Size) -> Measured:
        now[0] += 10.0
        return as_measured(size)

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(measure, "measured", fake)
    sizes = [LONG, SHORT, Size(length=21, batch=1)]
    found = list(measured_within(sizes, 25.0, lambda done, size: watched.append((done, size.length))))
    assert watched == [(0, 5), (1, 21), (2, 41)]
    assert [type(one) for one in found] == [Measured, Measured, LeftOut]
    left = found[-1]
    assert isinstance(left, LeftOut)
    # 10 s less the 3 steps of 1.5 s together, and 3 steps at 2e9 operations a second
    expected = 10 - 2.5 - 0.5 + 3 * measure.work(LONG.config(), measure.draws(LONG.config())).operations / 2e9
    assert left.seconds == pytest.approx(expected)
    assert left.record() == {"kind": "left_out", **left.record()}
    assert growth_points([as_measured(LONG, 0.25), left]) == {41: 0.25}


@pytest.mark.parametrize("side", [8, 24])
def test_the_rate_counts_every_product_on_every_device(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    def repeat(run: Any, number: int, repeat: int) -> list[float]:
        assert run().shape == (jax.local_device_count(), side, side)
        return [0.5, 0.25]

    monkeypatch.setattr(timeit, "repeat", repeat)
    products = matrices._PRODUCTS["cpu"]
    expected = 2 * side**3 * products * jax.local_device_count() / 0.25
    assert matrices.matrix_rate("float32", side) == expected
    assert matrices.matrix_rate("bfloat16", side) == expected


def test_tables_have_room_for_large_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 10**15)
    largest = as_measured(Size(channels=1024, seeds=99, length=5, batch=1, compute="float32"), 12_345.6)
    console = Console(width=COLUMNS)
    with console.capture() as captured:
        console.print(steps_table([largest, as_measured(SHORT)]))
        console.print(growth_table({401: 12.3, 41: 0.1}))
    lines = captured.get().splitlines()
    assert "…" not in captured.get()
    assert max(len(line.rstrip()) for line in lines) <= COLUMNS
    assert [line.split()[0] for line in lines[1:3]] == ["24", "1024"]
    assert [line.split()[0] for line in lines[4:]] == ["41", "401"]
    assert growth_text({10: 1.0, 20: 4.0, 40: 16.0}).startswith("time ~ length^2.00 ± 0.00 from 10 on; in theory")

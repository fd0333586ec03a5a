"""What 'neuralgpu bench' prints, at sizes that mean nothing."""

import json
from collections import Counter
from collections.abc import Iterator

import jax
import pytest

from neuralgpu.benchmark import measure
from neuralgpu.benchmark.measure import Measured
from neuralgpu.benchmark.sizes import GROWTH_LENGTHS, Size
from neuralgpu.benchmark.work import Work

from .conftest import RunCli

STEP_KEYS = {
    *("kind", "purpose", "preset", "channels", "seeds", "length", "bucket", "batch", "compute", "settings"),
    *("step_seconds", "step_seconds_least", "steps_timed", "cells_per_second", "useful_operations"),
    *("matrix_operations_per_second", "share_of_peak", "padding", "compile_seconds", "memory_bytes"),
    *("data_seconds", "data_share"),
}


def imagined(size: Size) -> Measured:
    """Takes the place of measuring; a step takes time in proportion to the length squared."""
    return Measured(
        size=size,
        config=size.config(),
        work=Work(1e9, 2_000_000, 0.25),
        seconds=(1e-3 * size.length**2,),
        compile_seconds=4.0,
        data_seconds=0.01,
        matrix_rate=2e11,
        memory_bytes=10**9,
    )


@pytest.fixture
def quick_compilation() -> Iterator[None]:
    """Lets programs be compiled unoptimised, in less time."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.mark.usefixtures("quick_compilation")
def test_a_size_is_measured_and_kept_as_json(run_cli: RunCli) -> None:
    small = [part for setting in ("layers=1", "copies=1", "height=1") for part in ("--set", f"model.{setting}")]
    ended = run_cli("bench", "--channels", 3, "--length", 5, "--batch", 2, *small, "--json")
    assert ended.status == 0
    machine, step = map(json.loads, ended.out.splitlines())
    assert set(machine) == {"kind", "device", "devices", "cores", "versions"}
    assert set(step) == STEP_KEYS
    assert (step["kind"], step["channels"], step["length"], step["bucket"], step["batch"]) == ("step", 3, 5, 8, 2)
    assert step["settings"] == small[1::2]
    assert step["step_seconds"] >= step["step_seconds_least"] > 0
    assert 0 < step["share_of_peak"] < 1
    assert step["memory_bytes"] > 0
    assert "bench 1/1 done" in ended.err


def test_the_standard_sizes_are_one_json_object_a_line(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    monkeypatch.setattr(measure, "measured", imagined)
    ended = run_cli("bench", "--seconds", 10_000, "--json")
    records = [json.loads(line) for line in ended.out.splitlines()]
    kinds = Counter(record["kind"] for record in records)
    assert kinds == {"machine": 1, "step": 6, "growth": len(GROWTH_LENGTHS), "exponent": 2}
    assert all(set(record) == STEP_KEYS for record in records if record["kind"] in ("step", "growth"))
    [over_all, over_longer] = records[-2:]
    assert over_all["lengths"] == list(GROWTH_LENGTHS)
    assert over_longer["exponent"] == pytest.approx(2)


def test_one_size_is_a_table_of_one_row(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    monkeypatch.setattr(measure, "measured", imagined)
    ended = run_cli("bench", "--channels", 3, "--length", 5, "--batch", 2, "--seeds", 2, "--set", "model.copies=1")
    assert ended.status == 0
    machine, empty, header, row, *notes = ended.out.splitlines()
    assert "matrix products, at most: 200 GFLOP/s float32" in machine
    assert empty == ""
    assert header.split()[:4] == ["channels", "seeds", "length", "compute"]
    assert row.split()[:6] == ["3", "2", "5", "float32", "25", "ms"]
    assert max(map(len, [machine, header, row, *notes])) <= 100
    assert "length^" not in ended.out


def test_the_standard_sizes_tell_how_time_grows(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    monkeypatch.setattr(measure, "measured", imagined)
    ended = run_cli("bench", "--seconds", 10_000)
    fits = "time ~ length^2.00 ± 0.00 from 11 on; time ~ length^2.00 ± 0.00 from 81 on"
    assert f"\n{fits}; in theory length^2, as many positions as steps\n" in ended.out


def test_ctrl_c_leaves_what_was_measured(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    def interrupted(size: Size) -> Measured:
        if size.channels == 128:
            raise KeyboardInterrupt
        return imagined(size)

    monkeypatch.setattr(measure, "measured", interrupted)
    ended = run_cli("bench", "--seconds", 10_000)
    assert ended.status == 130
    assert {line.split()[0] for line in ended.out.splitlines() if "float32" in line} == {"device", "24"}

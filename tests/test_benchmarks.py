"""The benchmarks run and print what they promise; what they measure at these sizes means nothing."""

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import neuralgpu
from neuralgpu.config import RunConfig
from neuralgpu.model.config import ModelConfig
from neuralgpu.run_directory import create_run
from neuralgpu.tasks import find_task, task_names
from neuralgpu.training.loop import Trainer

FOLDER = Path(__file__).parents[1] / "benchmarks"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1])}


def measured(name: str, *options: object) -> list[dict[str, Any]]:
    """Returns the JSON lines of a benchmark."""
    command = [sys.executable, FOLDER / name, *map(str, options), "--rounds", "1", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert "Traceback" not in ended.stderr, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def test_making_inputs_is_timed_for_every_kind_of_task() -> None:
    found = measured("data_time.py", "--channels", 3, "--length", 9, "--batch", 2, "--seeds", 1)
    assert {find_task(record["task"]).operation for record in found} == {find_task(n).operation for n in task_names()}
    for record in found:
        assert record["share"] == pytest.approx(record["data_seconds"] / record["step_seconds"])


@pytest.mark.slow
def test_memory_is_analysed_for_every_strategy() -> None:
    found = measured("memory.py", "--channels", 3, "--lengths", 9, "--batch", 8, "--longest", 0)
    needed = {record["strategy"]: record["bytes"] for record in found}
    assert list(needed) == ["store", "step", "sqrt", *(f"treeverse:{k}" for k in (64, 16, 8, 4)), "step/8"]
    assert needed["store"] > needed["step"] > needed["treeverse:4"]


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = ModelConfig(cell="diagonal", channels=6, height=1, layers=1, copies=1)
    config = RunConfig(task="badd", seeds=(3, 5), steps=1, batch=4, epoch=1, model=model)
    run = tmp_path_factory.mktemp("benchmarks") / "run"
    Trainer(create_run(run, config, force=False), config).train(lambda _: None, lambda: False)
    return run


def test_rounded_nets_are_asked_what_others_are(two_seeds: Path) -> None:
    command = [sys.executable, FOLDER / "rounding.py", two_seeds, "--rounding", "0,4", "--ask", "carry:3:5"]
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(one["rounding"], one["count"], one["seeds"]) for one in found] == [(0, 5, 2), (4, 5, 2)], ended.stderr
    assert all(0 <= wrong <= 5 for one in found for wrong in one["wrong"].values())
    assert all(list(one["wrong"]) == ["run/3", "run/5"] for one in found)
    refused = subprocess.run([*command, "carry:0:5"], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    senseless = subprocess.run([*command, "carry"], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (senseless.returncode, "such as random:401:16" in senseless.stderr) == (2, True)


def test_what_moves_is_timed_beside_every_position(two_seeds: Path) -> None:
    command = [sys.executable, FOLDER / "moving.py", two_seeds, "--ask", "random:125:2", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    [found] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (found["length"], found["count"], found["seeds"]) == (125, 2, 2), ended.stderr
    assert 0 <= found["differ"] <= 4
    form, every = found["seconds"]["what moves"], found["seconds"]["every position"]
    assert found["ratio"] == pytest.approx(form / every)


def grid_cost(*options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / "grid_cost.py", *map(str, options), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)


def test_a_grid_s_cost_follows_from_measured_or_assumed_steps(tmp_path: Path) -> None:
    spec, bench = tmp_path / "grid.toml", tmp_path / "bench.jsonl"
    spec.write_text(
        'tasks = ["badd"]\npreset = "classic"\nchannels = [24, 48]\nseeds = 10\nsteps = 3600\n'
        "[settings.curriculum]\nmin_length = 41\nstart_length = 41\n",
        encoding="utf-8",
    )
    size = {"kind": "step", "preset": "classic", "channels": 24, "batch": 32, "compute": "float32", "settings": []}
    records = [
        {"kind": "machine", "device": "cpu", "cores": 2},
        *({**size, "length": length, "seeds": 4, "step_seconds": time} for length, time in ((11, 0.2), (41, 1.6))),
        {**size, "length": 41, "seeds": 1, "step_seconds": 100.0},
        {**size, "length": 41, "seeds": 9, "step_seconds": 100.0, "compute": "bfloat16"},
    ]
    bench.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    small, wide = map(json.loads, grid_cost(spec, "--bench", bench).stdout.splitlines())
    assert (small["device"], small["channels"], small["trainings"], small["source"]) == (
        "cpu, 2 cores",
        24,
        10,
        "measured",
    )
    assert small["hours"] == pytest.approx(10 * 0.4)  # every input has 41 symbols
    assert wide["source"] == "extrapolated from 24 channels"
    assert 3.5 * small["hours"] < wide["hours"] < 4 * small["hours"]
    same = grid_cost(spec, "--step", "24:11:4:0.2", "--step", "24:41:4:1.6").stdout.splitlines()
    assert [json.loads(line)["hours"] for line in same] == [small["hours"], wide["hours"]]
    assumed = [
        json.loads(line) for line in grid_cost(spec, "--assume", "1e12", "--device", "a GPU").stdout.splitlines()
    ]
    assert [(cost["source"], cost["device"]) for cost in assumed] == [("assumed", "a GPU")] * 2
    assert assumed[1]["hours"] == pytest.approx(4 * assumed[0]["hours"])
    assert "give measured steps" in grid_cost(spec).stderr
    spec.write_text('tasks = ["bad"]', encoding="utf-8")
    refused = grid_cost(spec, "--assume", "1e12")
    assert (refused.returncode, "Did you mean 'badd'?" in refused.stderr) == (2, True)


@pytest.fixture
def gpu_trace() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_trace", FOLDER / "gpu_trace.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(kind: str, name: str, **place: int) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "args": {"name": name}, **place}


def test_kernels_are_counted_on_the_streams_of_a_gpu(gpu_trace: ModuleType, tmp_path: Path) -> None:
    places = [
        named("process_name", "/device:GPU:0", pid=1),
        named("process_name", "/host:CPU", pid=2),
        named("thread_name", "Stream #13(Compute,Memcpy)", pid=1, tid=13),
        named("thread_name", "Stream #14(Compute)", pid=1, tid=14),
        named("thread_name", "XLA Modules", pid=1, tid=99),
        named("thread_name", "Stream #13(Compute,Memcpy)", pid=2, tid=13),
    ]
    ran = [
        {"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": ts, "dur": dur}
        for name, pid, tid, ts, dur in [
            ("gemm", 1, 13, 100.0, 10.0),
            ("gemm", 1, 13, 130.0, 20.0),
            ("fusion", 1, 14, 140.0, 20.0),  # beside the second product for half of its time
            ("MemcpyD2D", 1, 13, 190.0, 10.0),
            ("jit_step", 1, 99, 100.0, 100.0),
            ("gemm", 2, 13, 0.0, 1000.0),
        ]
    ]
    with gzip.open(tmp_path / "host.trace.json.gz", "wt") as file:
        json.dump({"traceEvents": [*places, *reversed(ran), {"ph": "M", "name": "no arguments"}]}, file)
    found = gpu_trace.kernels(gpu_trace.read_events(tmp_path))
    assert (found.launches, found.copies, found.busy, found.span) == (3, 1, 50.0, 100.0)
    assert found.gap_share == 0.5
    assert found.longest == [("gemm", 2, 30.0), ("fusion", 1, 20.0), ("MemcpyD2D", 1, 10.0)]
    assert gpu_trace.kernels([]).gap_share == 0.0


def gpu_results(out: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Returns what the benchmark for one GPU finds at its smallest sizes."""
    command = [sys.executable, FOLDER / "gpu.py", "--tiny", "--out", str(out), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert ended.stdout.count("\n== ") + 1 == len(results)
    return results


def test_the_device_s_rates_are_measured(tmp_path: Path) -> None:
    results = gpu_results(tmp_path, "--only", "device")
    assert results["device"]["failed"] is None
    rates = [row for row in results["device"]["rows"] if "TFLOP/s" in row]
    assert {row["compute"] for row in rates} == {"float32", "bfloat16"}
    assert "== device" in (tmp_path / "results.txt").read_text(encoding="utf-8")


def test_a_part_that_takes_too_long_is_stopped_and_told(tmp_path: Path) -> None:
    results = gpu_results(tmp_path, "--only", "device,step", "--seconds", "0.001")
    assert {name: part["failed"] for name, part in results.items()} == {
        "device": "stopped after 0 s",
        "step": "no time was left",
    }


@pytest.mark.slow
def test_every_part_of_the_gpu_benchmark_runs(tmp_path: Path) -> None:
    results = gpu_results(tmp_path)
    assert list(results) == ["device", "step", "launches", "memory", "convolution", "growth", "tests"]
    assert [name for name, part in results.items() if part["failed"]] == []
    missing = [row for row in results["launches"]["rows"] if "flags" not in row]
    assert {row["failed"] for row in missing} == {"needs a GPU"}
    for name, row in [(name, row) for name, part in results.items() for row in part["rows"]]:
        allowed = name == "device" or "PyTorch" in row.get("program", "") or row in missing
        assert "failed" not in row or allowed, row
    assert all(row["status"] in (0, 5) for row in results["tests"]["rows"])

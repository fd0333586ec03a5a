"""Invented run directories, as training and evaluation would leave them."""

import json
import math
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.reporting.report import write_report
from neuralgpu.rows import ResultRow, append_rows

VERSIONS = {"neuralgpu": "0.1.0", "jax": "0.10.2", "python": "3.11.7"}
LENGTHS = (11, 21, 41, 81, 201, 401)
CARRIES = (5, 10, 20, 33, 50, 99, 190)

CONFIG = """task = "{task}"
preset = "fast"
seeds = {seeds}
{extra}
[curriculum]
advance_below = 0.15
max_length = 41

[model]
channels = 48
noise = 0.1
"""


def wilson(errors: int, count: int) -> tuple[float, float]:
    share, z = errors / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def result_row(**given: Any) -> ResultRow:
    """A row of which only what matters is given; `errors` counts wrong inputs."""
    errors, count = given.pop("errors", 0), given.setdefault("count", 256)
    low, high = wilson(errors, count)
    fields: dict[str, Any] = {
        "run": "invented",
        "seed": 1,
        "step": 2600,
        "task": "badd",
        "layout": "padded",
        "suite": "random",
        "length": 401,
        "sequence_error": errors / count,
        "symbol_error": errors / count / 30,
        "ci_low": low,
        "ci_high": high,
        "versions": VERSIONS,
    }
    return ResultRow(**(fields | given))


def example(target: str, output: str, **given: Any) -> dict[str, Any]:
    half = len(target) // 2
    fields = {"suite": "random", "length": len(target), "seed": 1, "step": 2600, "input": f"{'1' * half}+{'0' * half}"}
    return fields | given | {"target": target, "output": output}


def lines_of(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def training(
    task: str, seeds: list[int], last_step: int, *, learns: bool = True, ends: str = "finish"
) -> list[dict[str, Any]]:
    """Events of a training run; `ends` is the kind of the last one, or "" for a killed run."""
    command = f"neuralgpu train {task} --preset fast --seeds {len(seeds)}"
    start = {"event": "start", "step": 0, "time": 1.7e9, "task": task, "preset": "fast", "seeds": seeds}
    events = [start | {"command": command, "device": "cpu", "versions": VERSIONS, "cores": 2}]
    for step in range(100, last_step + 1, 100):
        seconds = step / 5.0
        stamp = {"step": step, "time": 1.7e9 + seconds, "seconds": seconds}
        for seed in seeds:
            noise = random.Random(1000 * seed + step)
            done = min(1.0, step / (1500 + 80 * seed)) if learns else 0.2
            error = max(0.0, (1 - done**3) * noise.uniform(0.5, 1.0))
            loss = 0.7 * math.exp(-7 * done) * noise.uniform(0.7, 1.3)
            length = 8 + 2 * int(16.5 * done)
            progress = {"seed": seed, "length": length, "loss": loss, "sequence_error": error, "learning_rate": 0.01}
            events.append({"event": "progress", **stamp, **progress, "steps_per_second": 5.0})
            if learns and step % 400 == 0:
                validate = {
                    "seed": seed,
                    "length": 201,
                    "count": 32,
                    "sequence_error": noise.choice([1, error, error / 2]),
                }
                events.append({"event": "validate", **stamp, **validate})
            if done == 1.0 and 0 <= step - 1500 - 80 * seed < 100:
                events.append({"event": "learned", **stamp, "seed": seed})
        events.append({"event": "checkpoint", **stamp})
    if ends:
        events.append({"event": ends, "step": last_step, "time": 1.7e9 + last_step / 5.0, "seconds": last_step / 5.0})
    return events


def results(seeds: list[int], bad: Iterable[int] = (), **given: Any) -> list[ResultRow]:
    """Random inputs of every length; the bad seeds err more the longer the inputs are."""
    rows = []
    for seed in seeds:
        for length in LENGTHS:
            errors = min(256, max(0, length - 30 - 3 * seed)) if seed in bad else 0
            rows.append(result_row(seed=seed, length=length, errors=errors, **given))
    return rows


def carries(seeds: list[int], reach: Callable[[int], int]) -> list[ResultRow]:
    """Carries of every length; a seed errs beyond its reach."""
    return [
        result_row(
            seed=seed,
            suite="carry",
            size=size,
            length=2 * size + 3,
            count=64,
            errors=min(64, max(0, size - reach(seed))),
        )
        for seed in seeds
        for size in CARRIES
    ]


def good(run: Path) -> None:
    lines_of(run / "events.jsonl", training("badd", [1], 2600))
    append_rows(run / "results.jsonl", results([1]) + carries([1], lambda _: 190))
    digits = "".join(random.Random(1).choices("01", k=401))
    lines_of(run / "examples.jsonl", [example(digits[:n], digits[:n]) for n in (25, 41, 81, 201, 401)])


def mixed(run: Path) -> None:
    seeds = list(range(1, 11))
    lines_of(run / "events.jsonl", training("badd", seeds, 2600))
    append_rows(run / "results.jsonl", results(seeds, bad=[7]) + carries(seeds, lambda seed: 19 * seed))
    digits = "".join(random.Random(2).choices("01", k=401))
    wrong = digits[:150] + "".join("10"[int(digit)] for digit in digits[150:156]) + digits[156:]
    also_wrong = digits[:43] + "".join("10"[int(digit)] for digit in digits[43:47]) + digits[47:203]
    several = [
        example(digits, wrong, seed=7),
        example(digits[:203], also_wrong, seed=7, suite="carry"),
        example("0001000", "0001110", seed=7),
        example(digits, digits),
        example("0110", "0110"),
    ]
    lines_of(run / "examples.jsonl", several)


def bad(run: Path) -> None:
    lines_of(run / "events.jsonl", training("badd", [1], 2600))
    append_rows(run / "results.jsonl", results([1], bad=[1]) + carries([1], lambda _: 8))
    lines_of(run / "examples.jsonl", [example("0110100", "0110011"), example("1001", "001"), example("11", "11")])


def without_results(run: Path) -> None:
    lines_of(run / "events.jsonl", training("badd", [1], 2600))


def interrupted(run: Path) -> None:
    lines_of(run / "events.jsonl", training("badd", [1], 600, learns=False, ends="interrupt"))


def multiplication(run: Path) -> None:
    lines_of(run / "events.jsonl", training("bmul", [3], 2600))
    rows = [*results([3], bad=[3], task="bmul"), result_row(seed=3, task="bmul", suite="zeros", length=41, errors=97)]
    append_rows(run / "results.jsonl", rows)


KINDS: dict[str, Callable[[Path], None]] = {
    "good": good,
    "mixed": mixed,
    "bad": bad,
    "without_results": without_results,
    "interrupted": interrupted,
    "multiplication": multiplication,
}


def run_of(kind: str, folder: Path) -> Path:
    run = folder / kind
    run.mkdir()
    extra = "select_on = 201\n" if kind != "interrupted" else ""
    config = CONFIG.format(task="bmul" if kind == "multiplication" else "badd", seeds=[1], extra=extra)
    (run / "config.toml").write_text(config, encoding="utf-8")
    KINDS[kind](run)
    return run


@pytest.fixture
def build_run(tmp_path: Path) -> Callable[[str], Path]:
    """Builds one of the invented runs by the name of its kind."""
    return lambda kind: run_of(kind, tmp_path)


@pytest.fixture(scope="module", params=sorted(KINDS))
def any_report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of each of the invented runs in turn."""
    return write_report(run_of(request.param, tmp_path_factory.mktemp("runs")))


@pytest.fixture
def make_row() -> Callable[..., ResultRow]:
    """Makes a result row of which only what matters is given; `errors` counts wrong inputs."""
    return result_row


@pytest.fixture
def make_example() -> Callable[..., dict[str, Any]]:
    """Makes a line of examples.jsonl from a target and an output."""
    return example

"""What a sweep costs: hours of training for every size of its grid, from measured or assumed times of a step.

    neuralgpu bench --json > bench.jsonl
    python benchmarks/grid_cost.py examples/figure-2.toml --bench bench.jsonl
    python benchmarks/grid_cost.py examples/figure-2.toml --device "2 cores" --step 24:41:4:1.89 --step 128:41:1:10.2
    python benchmarks/grid_cost.py examples/figure-2.toml --device "a GPU" --assume 1e13

A step of a seed is taken to last a + b x operations, on a machine that is kept busy. From steps of two lengths of as
many channels a and b follow; from one, or from an assumed rate, b alone. Sizes without a measurement take the rate of
the nearest one that has, which is said. Operations are those of the lengths that the curriculum draws once it has
reached its longest inputs, where a run spends most of its time. Judging is not counted; a run that ends early because
its seeds are done costs less.
"""

import argparse
import json
import math
import re
import statistics
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from neuralgpu.cluster.spec import Cell, grid, read_spec
from neuralgpu.config import RunConfig
from neuralgpu.cost import STEP_PASSES, operations
from neuralgpu.curriculum import CurriculumState, TaskState, draw, longest
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.tasks import find_task
from neuralgpu.training.padding import padded_length

_DRAWS = 400


@dataclass(frozen=True)
class Step:
    """A measured step of the classic model: how long a machine takes for it, all of its seeds together."""

    channels: int
    length: int
    seeds: int
    seconds: float
    batch: int = 32

    @property
    def operations(self) -> float:
        """Floating-point operations of one seed."""
        model = ModelConfig(channels=self.channels)
        return STEP_PASSES * self.batch * operations(model, self.length)

    @property
    def seconds_a_seed(self) -> float:
        """Time of one seed, while the machine is kept busy with others."""
        return self.seconds / self.seeds


@dataclass(frozen=True)
class Rate:
    """What a step of a seed takes."""

    beside: float
    """Seconds, whatever its size."""
    an_operation: float
    """Seconds for each floating-point operation."""
    source: str

    def seconds(self, operations: float) -> float:
        """Returns the time of a step with so many operations."""
        return self.beside + self.an_operation * operations


@dataclass(frozen=True)
class Cost:
    """What the seeds of one size take together."""

    channels: int
    trainings: int
    hours: float
    source: str


def measured_rates(steps: list[Step]) -> dict[int, Rate]:
    """Returns the rate of each number of channels, from the steps with the most seeds where there are several."""
    found: dict[int, dict[int, Step]] = defaultdict(dict)
    for step in sorted(steps, key=lambda step: step.seeds):
        found[step.channels][step.length] = step
    rates: dict[int, Rate] = {}
    for channels, by_length in found.items():
        short, long = by_length[min(by_length)], by_length[max(by_length)]
        slope = long.seconds_a_seed / long.operations
        if short is not long:
            slope = (long.seconds_a_seed - short.seconds_a_seed) / (long.operations - short.operations)
        beside = max(0.0, long.seconds_a_seed - slope * long.operations)
        rates[channels] = Rate(beside, slope, "measured")
    return rates


def rate_for(channels: int, rates: dict[int, Rate]) -> Rate:
    """Returns a size's own rate, or that of the nearest size."""
    if channels in rates:
        return rates[channels]
    nearest = min(rates, key=lambda other: abs(math.log(other / channels)))
    return Rate(rates[nearest].beside, rates[nearest].an_operation, f"extrapolated from {nearest} channels")


def mean_operations(config: RunConfig) -> float:
    """Returns the operations of a seed's training step, averaged over what its curriculum draws in the end."""
    curriculum, rng = config.curriculum, np.random.default_rng(0)
    valid = [find_task(name).valid_length for name in config.tasks]
    reached = [
        longest(curriculum, of_task) if curriculum.kind == "growth" else curriculum.training_buckets[-1]
        for of_task in valid
    ]
    state = CurriculumState(tuple(TaskState(length, solved=True) for length in reached))
    drawn = [draw(curriculum, state, valid, rng, config.batch) for _ in range(_DRAWS)]
    return statistics.fmean(
        STEP_PASSES * config.batch * sum(operations(config.model, padded_length(config, [one])) for one in of_step)
        for of_step in drawn
    )


def costs(cells: list[Cell], rates: dict[int, Rate]) -> list[Cost]:
    """Returns the cost of each size of a grid."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for cell in cells:
        channels = cell.config.model.channels
        seconds = rate_for(channels, rates).seconds(mean_operations(cell.config)) * cell.config.steps
        found[channels].append((len(cell.seeds), len(cell.seeds) * seconds / 3600))
    return [
        Cost(channels, sum(n for n, _ in of), sum(h for _, h in of), rate_for(channels, rates).source)
        for channels, of in sorted(found.items())
    ]


def bench_steps(path: Path) -> tuple[str, list[Step]]:
    """Returns the device and the steps that `neuralgpu bench --json` wrote, those in single precision."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    machine = next(record for record in records if record["kind"] == "machine")
    used = [record for record in records if record["kind"] == "step" and record["preset"] == "classic"]
    steps = [
        Step(record["channels"], record["length"], record["seeds"], record["step_seconds"], record["batch"])
        for record in used
        if record["compute"] == "float32" and not record["settings"]
    ]
    cores = f", {machine['cores']} cores" if machine["device"] == "cpu" else ""
    return f"{machine['device']}{cores}", steps


def step_of(text: str) -> Step:
    """Reads CHANNELS:LENGTH:SEEDS:SECONDS."""
    found = re.fullmatch(r"(\d+):(\d+):(\d+):(\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"takes CHANNELS:LENGTH:SEEDS:SECONDS, such as 24:41:4:1.89, got {text!r}")
    return Step(int(found[1]), int(found[2]), int(found[3]), float(found[4]))


def main() -> None:
    """Prints the cost of each size, and of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("specs", nargs="+", type=Path, metavar="SPEC.toml")
    parser.add_argument("--bench", type=Path, metavar="F.jsonl", help="what 'neuralgpu bench --json' wrote")
    parser.add_argument("--step", type=step_of, action="append", default=[], metavar="CHANNELS:LENGTH:SEEDS:SECONDS")
    parser.add_argument("--assume", type=float, metavar="N", help="floating-point operations a second")
    parser.add_argument("--device", default="", help="what the steps were measured on, for the table")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    device, steps = bench_steps(given.bench) if given.bench else (given.device or "a machine", given.step)
    if bool(steps) == bool(given.assume):
        parser.error("give measured steps with --bench or --step, or a rate with --assume")
    for path in given.specs:
        try:
            cells = grid(read_spec(path)[0])
        except UserError as error:
            print(f"grid_cost: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        assumed = {cell.config.model.channels: Rate(0.0, 1 / (given.assume or 1), "assumed") for cell in cells}
        show(path, device, costs(cells, measured_rates(steps) or assumed), as_json=given.json)


def show(path: Path, device: str, found: list[Cost], *, as_json: bool) -> None:
    """Prints one spec's costs."""
    if as_json:
        for cost in found:
            print(json.dumps({"spec": path.name, "device": device, **asdict(cost)}))
        return
    print(f"{path.name} on {device}")
    print(f"{'channels':>8}  {'trainings':>9}  {'hours':>12}  {'a training':>10}  step times")
    for cost in found:
        print(
            f"{cost.channels:>8}  {cost.trainings:>9,}  {cost.hours:>12,.0f}  {cost.hours / cost.trainings:>10.3g}  "
            f"{cost.source}"
        )
    print(f"{'all':>8}  {sum(c.trainings for c in found):>9,}  {sum(c.hours for c in found):>12,.0f}\n")


if __name__ == "__main__":
    main()

"""What a sweep costs: hours of training for every size of its grid, from measured or assumed times of a step.

    neuralgpu bench --json > bench.jsonl
    python benchmarks/grid_cost.py examples/figure-2.toml --bench bench.jsonl
    python benchmarks/grid_cost.py examples/figure-2.toml --device "2 cores" --step 24:41:4:1.89 --step 128:41:1:10.2
    python benchmarks/grid_cost.py examples/figure-2.toml --device "a GPU" --assume 1e13

How is said in `neuralgpu.experiments.hours`.
"""

import argparse
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from neuralgpu.cluster.spec import grid, read_spec
from neuralgpu.errors import UserError
from neuralgpu.experiments.hours import Cost, Rate, Step, costs, measured_rates


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

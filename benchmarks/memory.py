"""Memory and time of a training step with every memory strategy.

    python benchmarks/memory.py [--channels 24] [--lengths 41] [--all] [--batch 32] [--rounds 3] [--longest 30] [--json]

The step is the classic preset's for one seed on one device: 2 CGRU layers, height 4, 6 relaxed copies, gradient and
Adam. Four tables come out, with a row for each number of channels and length:

- the bytes that the step holds at once, by the compiler's own analysis;
- computing, relative to storing everything, counted: a step of the network is one unit forwards and two backwards
  (XLA's own count of operations takes the body of a loop once, however often it runs);
- measured time of the second to the last training step, relative to 'store', or to 'step' where that does not fit: on
  a CPU the seconds that the cores worked, which other programs on the machine lengthen less than the clock's;
- the largest resident size of the process, on a CPU.

Each run has a process of its own. What would take more than --longest seconds a step, or more than 60% of the
machine's memory, is compiled and not run: '-' in the last two tables. --all takes 24, 128, 256 and 512 channels at
lengths 41, 101, 201 and 401.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from neuralgpu.config import RunConfig
from neuralgpu.cost import operations
from neuralgpu.curriculum import Draw
from neuralgpu.devices import device_name, memory_bytes, versions
from neuralgpu.model.treeverse import evaluations
from neuralgpu.settings import merged, preset_settings, run_config
from neuralgpu.tasks import find_task
from neuralgpu.training.data import step_examples
from neuralgpu.training.memory import step_bytes
from neuralgpu.training.objective import Weights
from neuralgpu.training.step import compiled_step, initial_learner

ALL_CHANNELS, ALL_LENGTHS = (24, 128, 256, 512), (41, 101, 201, 401)
_STRATEGIES = ("store", "step", "sqrt", "treeverse:64", "treeverse:16", "treeverse:8", "treeverse:4", "step/8")
"""'/8' stands for --microbatch 8; 'offload' joins them where the host's memory is another one."""
_SHARE = 0.6
_OPERATIONS_PER_SECOND = 6e10
Row = tuple[int, int]


def settings(channels: int, length: int, strategy: str, batch: int) -> RunConfig:
    """Returns the classic preset with one bucket, the one of that length."""
    memory, _, microbatch = strategy.partition("/")
    lengths = {"buckets": [length], "max_length": length, "start_length": length}
    given = {
        "task": "badd",
        "batch": batch,
        "memory": memory,
        "microbatch": int(microbatch or 0),
        "model": {"channels": channels},
        "curriculum": lengths,
    }
    return run_config(merged([preset_settings("classic", "addition"), given]))


def computing(config: RunConfig) -> float:
    """Returns the computing relative to storing everything: steps evaluated, and two for each step backwards."""
    model, bucket = config.model, config.curriculum.buckets[0]
    steps = model.rounds(bucket) * model.copies
    kind = config.strategy.strategy
    evaluated = evaluations(steps, min(config.strategy.snapshots, steps)) if kind == "treeverse" else 0
    forwards = {"store": 1, "step": 2, "sqrt": 3, "offload": 2, "treeverse": evaluated / steps}[kind]
    return (forwards + 2) / 3


def step_seconds(config: RunConfig, rounds: int) -> list[float]:
    """Returns the time of training steps after the first."""
    bucket = config.curriculum.buckets[0]
    draw = Draw(0, bucket, {config.curriculum.max_length: config.batch})
    examples = step_examples(config, (find_task(config.task),), config.seeds, [[draw]], 0)
    learner, step = initial_learner(config), compiled_step(config)
    weights = Weights(*(np.full(1, number, np.float32) for number in (1e-3, 5e-4, 0.0, 0.0)))
    clock: Callable[[], float] = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    seconds: list[float] = []
    for _ in range(1 + rounds):
        started = clock()
        learner, _ = jax.block_until_ready(step(learner, examples, weights))
        seconds.append(clock() - started)
    return seconds[1:]


def measured(channels: int, length: int, strategy: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Returns what is found out about a step; it is run in a process of its own."""
    config = settings(channels, length, strategy, asked.batch)
    found: dict[str, Any] = {"channels": channels, "length": length, "strategy": strategy, "bytes": step_bytes(config)}
    found["computing"] = computing(config)
    work = 3 * found["computing"] * config.batch * operations(config.model, config.curriculum.buckets[0])
    if work / _OPERATIONS_PER_SECOND <= asked.longest and found["bytes"] <= _SHARE * memory_bytes():
        command = [sys.executable, __file__, "--run", f"{channels},{length},{strategy}"]
        command += ["--batch", str(asked.batch), "--rounds", str(asked.rounds)]
        found |= json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    return found


def timed(channels: int, length: int, strategy: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Returns the time of a step in this process, and on a CPU how large it grew."""
    found: dict[str, Any] = {
        "seconds": min(step_seconds(settings(channels, length, strategy, asked.batch), asked.rounds))
    }
    if jax.default_backend() == "cpu":
        unit = 1 if sys.platform == "darwin" else 1024
        found["resident"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return found


def strategies() -> tuple[str, ...]:
    """Returns the columns."""
    return _STRATEGIES if jax.default_backend() == "cpu" else (*_STRATEGIES, "offload")


def table(title: str, rows: dict[Row, list[dict[str, Any]]], cell: Callable[[dict[str, Any], list[Any]], str]) -> str:
    """Returns a table in Markdown."""
    lines = [
        f"{title}:",
        "",
        f"| channels | length | {' | '.join(strategies())} |",
        "|" + "---|" * (2 + len(strategies())),
    ]
    for (channels, length), found in rows.items():
        lines.append(f"| {channels} | {length} | {' | '.join(cell(entry, found) for entry in found)} |")
    return "\n".join([*lines, ""])


def relative_time(entry: dict[str, Any], row: list[dict[str, Any]]) -> str:
    """Returns an entry's time relative to that of the first that was run, with a star where that is not 'store'."""
    run = [other for other in row if "seconds" in other]
    if "seconds" not in entry:
        return "-"
    return f"{entry['seconds'] / run[0]['seconds']:.2f}" + ("" if run[0]["strategy"] == "store" else "*")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", default=[24])
    parser.add_argument("--lengths", type=int, nargs="+", default=[41])
    parser.add_argument("--all", action="store_true", help="every number of channels at every length")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="timed steps; the fastest counts")
    parser.add_argument("--longest", type=float, default=30, help="seconds a step, by estimate, that are still run")
    parser.add_argument("--json", action="store_true", help="one JSON object a measurement")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the runs' processes need the device's memory
    if asked.run:
        channels, length, strategy = asked.run.split(",")
        return print(json.dumps(timed(int(channels), int(length), strategy, asked)))
    sizes = (ALL_CHANNELS, ALL_LENGTHS) if asked.all else (asked.channels, asked.lengths)
    rows: dict[Row, list[dict[str, Any]]] = {}
    for row in [(channels, length) for channels in sizes[0] for length in sizes[1]]:
        rows[row] = []
        for strategy in strategies():
            rows[row].append(measured(*row, strategy, asked))
            print(json.dumps(rows[row][-1]), file=sys.stdout if asked.json else sys.stderr, flush=True)
    if asked.json:
        return None
    print(f"Batch {asked.batch}, height 4, {device_name()}, {versions()}\n")
    print(table("GB by the compiler's analysis", rows, lambda entry, _: f"{entry['bytes'] / 1e9:.2f}"))
    print(table("Computing, counted", rows, lambda entry, _: f"{entry['computing']:.2f}"))
    print(table("Time (* relative to the first that fits)", rows, relative_time))
    print(table("GB resident", rows, lambda e, _: f"{e['resident'] / 1e9:.2f}" if "resident" in e else "-"))
    return None


if __name__ == "__main__":
    main()

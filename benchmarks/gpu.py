"""Everything that is to be known of training on one NVIDIA GPU, in one run of less than nine minutes.

    python benchmarks/gpu.py [--out gpu-results] [--only step,launches] [--seconds 520] [--tiny]

Needs a checkout and a Python with JAX for CUDA, equinox, optax and what else the package imports; PyTorch for the
comparison and pytest for the tests, where they are there. --tiny shrinks every size, to see on a CPU that it works.
The page Performance tells which of its parts have been run on a GPU, and with what result.

Compiling may take longer than the time allows for: --only device,step,launches and then the other parts give each
half the whole of it.

Every part runs in a process of its own with a time limit, so that one that fails or hangs costs no other; what it had
found until then is kept. After each part `results.json` and `results.txt` are written anew; what the part printed
besides lies in `PART.log`. Parts, in this order:

- device: device, versions, the measured rate of matrix products.
- step: training steps of the classic preset, batch 32, length 41, with the fused kernels and without them, and
  PyTorch's beside them, its seeds one after the other. 'of bf16 rate' counts useful operations only: three times the
  forward pass of the inputs without padding. Targets: 5 ms for 24 channels x 15 seeds, 40% of the rate for 128
  channels.
- launches: kernels and gaps of a training step from a profile, and what XLA's command buffers change.
- memory: bytes by the compiler's analysis and time, by memory strategy.
- convolution: the forms of the convolution, forwards and backwards, in a loop of steps.
- growth: time by length.
- tests: the tests that need a GPU, and the published program's numbers on this one.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from gpu_parts import OUT, PARTS
from gpu_steps import Row, Shapes, measured_step

from neuralgpu import devices

_WIDEST = 100
"""Characters of a cell in the text; all of it is in the JSON."""


def run_part(name: str, out: Path, seconds: float, tiny: bool) -> Row:
    """Runs a part in a process of its own and returns its rows, its time, and how it failed if it did."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--run", name, *(["--tiny"] if tiny else [])]
    environment = {
        **os.environ,
        OUT: str(out),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # PyTorch and the processes of a part need memory, too
        "JAX_COMPILATION_CACHE_DIR": str(out / "compiled"),
    }
    rows, failed = out / f"{name}.jsonl", None
    with rows.open("w") as output, (out / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=log, start_new_session=True)
        try:
            if process.wait(timeout=seconds):
                failed = f"status {process.returncode}, see {name}.log"
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            failed = f"stopped after {seconds:.0f} s"
    found = [json.loads(line) for line in rows.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    return {"rows": found, "seconds": time.perf_counter() - started, "failed": failed}


def as_text(results: dict[str, Row]) -> str:
    """Writes the results as tables; rows with the same columns make one table."""
    lines: list[str] = []
    for name, part in results.items():
        lines += ["", f"== {name} ({part['seconds']:.0f} s{', ' + part['failed'] if part['failed'] else ''})"]
        header: list[str] = []
        table: list[list[str]] = []
        for row in part["rows"]:
            if list(row) != header:
                lines += _aligned(table)
                header, table = list(row), [list(row)]
            table.append([f"{cell:.4g}" if isinstance(cell, float) else str(cell)[:_WIDEST] for cell in row.values()])
        lines += _aligned(table)
    return "\n".join([*lines[1:], ""])


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def main() -> None:
    """Runs the parts one after the other; `--run` and `--timed` are what their processes are started with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="folder for what was found")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--seconds", type=float, default=520, help="for all parts together (default 520)")
    parser.add_argument("--tiny", action="store_true", help="shrink every size, to see that it works")
    parser.add_argument("--run", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--timed", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    shapes = Shapes(asked.tiny)
    if asked.run or asked.timed:
        devices.configure()
    if asked.timed:
        channels, seeds, compute, *settings = asked.timed.split(",")
        size = shapes.size(int(channels), int(seeds), compute=compute, settings=tuple(settings))
        return print(json.dumps(measured_step(size, shapes)[1]))
    if asked.run:
        for row in PARTS[asked.run][0](shapes):
            print(json.dumps(row), flush=True)
        return None
    chosen = asked.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    ends, results = time.perf_counter() + asked.seconds, dict[str, Row]()
    for name in chosen:
        seconds = min(PARTS[name][1], ends - time.perf_counter())
        if seconds > 0:
            results[name] = run_part(name, out, seconds, asked.tiny)
        else:
            results[name] = {"rows": [], "seconds": 0.0, "failed": "no time was left"}
        (out / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        (out / "results.txt").write_text(as_text(results), encoding="utf-8")
        print(as_text({name: results[name]}), flush=True)
    return None


if __name__ == "__main__":
    main()

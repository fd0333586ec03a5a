"""Trains nets by many recipes and asks each of them about long and about structured inputs, within minutes on a GPU.

    python benchmarks/beyond [--only badd-preset,badd-no-cost] [--out beyond-results] [--seconds 320] [--tiny]

Needs a checkout and a Python with JAX, equinox, optax, safetensors and scipy. Recipes whose settings allow it are
trained by one compiled step, all seeds at once; the others run beside them, in processes of their own.

What it writes into the folder, as soon as it is known: JSON lines, one file a process, with every epoch, every answer
to 'watched' inputs of 401 symbols after each epoch in which the longest training inputs were open, and every suite
asked at the end, seed by seed; `runs/`, every seed's last weights; and `runs-N.tar`, the same packed, those of the best
seeds first. `python benchmarks/beyond --unpack DIR` makes run directories of them, as the command line reads them.
A process that has come to its end before is not run again.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from packing import pack, unpack
from recipes import RECIPES, Recipe, families, shrunk

_TO_PACK = 8
"""Seconds that are kept to pack the results."""
_FLAGS = "--xla_gpu_enable_triton_gemm=false"
"""Compiles in a part of the time: products are not tried out in dozens of forms."""


def accepted(flags: str) -> bool:
    """Says whether XLA knows its flags: it ends a process that gives it an unknown one."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def is_done(out: Path, family: list[Recipe]) -> bool:
    """Says whether a family's process came to its end."""
    rows = out / f"{family[0].name}.jsonl"
    return rows.exists() and '"kind": "end"' in rows.read_text()


def run_all(asked: argparse.Namespace, chosen: list[Recipe]) -> None:
    """Runs every family in a process of its own, as many side by side as allowed; ends those that do not end."""
    out, started = asked.out.resolve(), time.time()
    ends = started + asked.seconds - _TO_PACK
    out.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several processes share the device
        "JAX_COMPILATION_CACHE_DIR": str(asked.cache or out / "compiled"),
    }
    flags = f"{os.environ.get('XLA_FLAGS', '')} {_FLAGS}"
    if accepted(flags):
        environment["XLA_FLAGS"] = flags
    waiting = deque(family for family in families(chosen) if not is_done(out, family))
    running: list[subprocess.Popen[bytes]] = []
    try:
        while (waiting or running) and time.time() < ends:
            running = [process for process in running if process.poll() is None]
            while waiting and len(running) < asked.workers:
                family = waiting.popleft()
                names = ",".join(recipe.name for recipe in family)
                command = [sys.executable, str(Path(__file__).parent), "--family", names, "--out", str(out)]
                command += ["--train-by", str(started + asked.train_seconds), "--end-by", str(ends - 3)]
                seeds = ["--seeds", str(asked.seeds)] if asked.seeds else []
                with (out / f"{family[0].name}.log").open("w") as log:
                    arguments = [*command, *(["--tiny"] if asked.tiny else []), *seeds]
                    running.append(
                        subprocess.Popen(arguments, env=environment, stdout=log, stderr=log, start_new_session=True)
                    )
            time.sleep(0.5)
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        pack(out)


def main() -> None:
    """Reads the options; `--family` is what the processes are started with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(RECIPES), help="recipes, separated by commas")
    parser.add_argument("--out", type=Path, default=Path("beyond-results"), help="folder for the results")
    parser.add_argument("--seconds", type=float, default=320, help="for everything (default 320)")
    parser.add_argument("--train-seconds", type=float, default=230, help="of these, until training ends (default 230)")
    parser.add_argument("--workers", type=int, default=4, help="processes side by side (default 4)")
    parser.add_argument("--seeds", type=int, help="seeds of every recipe; its own number by default")
    parser.add_argument("--cache", type=Path, help="folder of compiled programs; one in --out by default")
    parser.add_argument("--tiny", action="store_true", help="shrink everything, to see that it works")
    parser.add_argument(
        "--unpack", type=Path, metavar="DIR", help="unpack the results in a folder, and do nothing else"
    )
    parser.add_argument("--family", help=argparse.SUPPRESS)
    parser.add_argument("--train-by", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--end-by", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.unpack:
        return unpack(asked.unpack)
    names = (asked.family or asked.only).split(",")
    if unknown := set(names) - set(RECIPES):
        parser.error(f"no such recipe: {', '.join(sorted(unknown))}; there are {', '.join(RECIPES)}")
    chosen = [shrunk(RECIPES[name]) if asked.tiny else RECIPES[name] for name in names]
    chosen = [replace(recipe, seeds=asked.seeds or recipe.seeds) for recipe in chosen]
    if not asked.family:
        return run_all(asked, chosen)
    from family import run_family

    return run_family(chosen, asked.out, asked.train_by, asked.end_by, tiny=asked.tiny)


if __name__ == "__main__":
    main()

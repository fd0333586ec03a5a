"""Files that mean harm."""

import json
from pathlib import Path

from .processes import program_of, run
from .registry import Outcome, fault


@fault(
    11,
    "hostile safetensors, JSON, TOML, manifests, links",
    "a value or one of our own errors, within 20 s and 256 MiB of memory",
    short=300,
    full=12_000,
)
def hostile_files(trials: int, folder: Path) -> Outcome:
    ended = run(folder, folder / "hostile", trials, program=program_of("hostile"))
    if ended.status:
        return Outcome(trials, 0, trials, f"the reader ended with {ended.status}: {ended.err[-300:]}")
    found = json.loads(ended.out)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found["done"].items())
    note = "; ".join([f"{kinds}; at most {found['taken'] / 2**20:.0f} MiB were taken", *found["escaped"][:5]])
    return Outcome(sum(found["done"].values()), 0, len(found["escaped"]), note)

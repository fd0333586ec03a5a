"""Packs the runs of an ensemble into few files, and makes run directories of them again."""

import json
import tarfile
from collections import defaultdict
from pathlib import Path

_LARGEST, _MOST = 15_500_000, 3
"""Bytes of a file, and number of files."""


def pack(out: Path) -> None:
    """Writes runs-N.tar, those of the seeds with the fewest wrong answers first; what has no room is left out."""
    parts: dict[int, list[Path]] = defaultdict(list)
    room = [_LARGEST] * _MOST
    for run in sorted((out / "runs").glob("*/config.json"), key=lambda file: _rank(out).get(file.parent.name, 1e9)):
        size = sum(file.stat().st_size + 2048 for file in run.parent.rglob("*"))
        number = next((number for number, left in enumerate(room) if left > size), None)
        if number is not None:
            room[number] -= size
            parts[number].append(run.parent)
    for number, folders in parts.items():
        with tarfile.open(out / f"runs-{number}.tar", "w") as tar:
            for folder in folders:
                tar.add(folder, folder.name)


def _rank(out: Path) -> dict[str, float]:
    """Returns the share of wrong answers at the end of every run that was asked, and 1 for every question it missed."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for file in out.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["kind"] == "row" and row["suite"] != "watched":
                name = f"{row['recipe']}-{row['seed']}"
                found[name][f"{row['suite']}-{row['size']}"] = row["wrong"] / row["count"]
    most = max(map(len, found.values()), default=0)
    return {name: most - len(shares) + sum(shares.values()) for name, shares in found.items()}


def unpack(folder: Path) -> None:
    """Makes run directories of the packed runs in a folder, in `runs` beside them."""
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.settings import run_config

    for file in sorted(folder.glob("runs-*.tar")):
        with tarfile.open(file) as tar:
            tar.extractall(folder / "runs", filter="data")
    for file in (folder / "runs").glob("*/config.json"):
        RunDirectory(file.parent).write_config(run_config(json.loads(file.read_text(encoding="utf-8"))))

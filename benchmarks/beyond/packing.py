"""Packs the runs of an ensemble into few files, and makes run directories of them again."""

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    """Makes run directories of the packed runs in a folder, in `runs` beside them, with what the rows tell of them."""
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.settings import run_config

    for file in sorted(folder.glob("runs-*.tar")):
        with tarfile.open(file) as tar:
            tar.extractall(folder / "runs", filter="data")
    lines = (line for file in folder.glob("*.jsonl") for line in file.read_text(encoding="utf-8").splitlines())
    rows = [row for row in map(json.loads, lines) if row["kind"] in ("epoch", "trained")]
    for file in (folder / "runs").glob("*/config.json"):
        run, config = RunDirectory(file.parent), run_config(json.loads(file.read_text(encoding="utf-8")))
        run.write_config(config)
        recipe, [seed] = file.parent.name.rsplit("-", 1)[0], config.seeds
        events = list(_events(rows, recipe, seed))
        run.events_file.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")


def _events(rows: list[dict[str, Any]], recipe: str, seed: int) -> Iterator[dict[str, Any]]:
    """Yields a seed's events as a run of its own would have logged them; times are seconds of training."""
    trained = next((row for row in rows if row["kind"] == "trained" and recipe in row["recipes"]), None)
    if trained is None:
        return
    config, learned = trained["recipes"][recipe], False
    told = {key: config[key] for key in ("task", "preset")} | {"curriculum": config["task"], "seeds": [seed]}
    told |= {"command": f"python benchmarks/beyond, recipe {recipe}"}
    told |= {key: trained.get(key, default) for key, default in (("device", ""), ("cores", 0), ("versions", {}))}
    yield {"event": "start", "step": 0, "time": 0.0, **told}
    for row in rows:
        if row["kind"] == "epoch" and (row["recipe"], row["seed"]) == (recipe, seed) and "loss" in row:
            happened = {"step": row["step"], "time": row["seconds"], "seed": seed}
            kept = ("length", "loss", "sequence_error", "learning_rate", "seconds")
            yield {"event": "progress", **happened, "task": config["task"], **{key: row[key] for key in kept}}
            if row["learned_at"] is not None and not learned:
                learned = True
                yield {"event": "learned", **happened}
    yield {"event": "finish", "step": trained["step"], "time": trained["seconds"], "seconds": trained["seconds"]}

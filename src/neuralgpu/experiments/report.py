"""Writes the report on everything that a reproduction has found; does without JAX."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.cluster.directory import write_whole
from neuralgpu.experiments.experiment import Experiment, Scale
from neuralgpu.experiments.registry import EXPERIMENTS
from neuralgpu.experiments.results import Results
from neuralgpu.reporting.reproduction import Part, write_reproduction
from neuralgpu.reporting.wording import duration, plural
from neuralgpu.rows import read_lines

_STATE = "report.json"
_SMOKE = "The scale smoke shows that everything is wired, with models that learn nothing; its verdicts mean nothing."
_NOTES = (
    "A training is one seed of one task and setting. Shares have 95% Wilson intervals over trainings. A claim about a "
    "share differs where the paper's lies outside; it agrees where it lies inside, and is undecided where the interval "
    "is so wide, more than 50 points, that half of all shares would lie inside.",
)


def write_report(folder: Path, scale: Scale, *, force: bool = False) -> tuple[Path, Path, bool]:
    """Writes the report, unless nothing it is made from has changed.

    Args:
        folder: of the reproduction.
        scale: its scale.
        force: whether to write it anyway.

    Returns:
        The HTML page, the Markdown page, and whether they were written.

    Raises:
        DamagedRunError: something in the folder cannot be read.
        StorageError: a page cannot be written.
    """
    results = Results(folder)
    page, appendix = folder / "report.html", folder / "report.md"
    state = _digest(results)
    if not force and page.is_file() and appendix.is_file() and _written_from(folder) == state:
        return page, appendix, False
    parts = [part_of(results, scale, experiment) for experiment in EXPERIMENTS.values()]
    notes = (_SMOKE, *_NOTES) if scale == "smoke" else _NOTES
    write_reproduction(folder, parts, _facts(results, scale), notes)
    write_whole(folder / _STATE, json.dumps({"made_from": state}).encode())
    return page, appendix, True


def part_of(results: Results, scale: Scale, experiment: Experiment) -> Part:
    """Returns what a report says of one experiment."""
    findings = experiment.findings(results, scale)
    return Part(
        name=experiment.name,
        title=experiment.title,
        section=experiment.section,
        command=f"neuralgpu reproduce {experiment.name} --scale {scale} --out {results.folder}",
        setting=findings.setting,
        claims=findings.claims,
        drawings=findings.drawings,
        notes=findings.notes,
    )


def claims_as_records(part: Part) -> list[dict[str, Any]]:
    """Returns the claims of a part as plain values."""
    return [{"experiment": part.name, "section": part.section, **asdict(claim)} for claim in part.claims]


def _facts(results: Results, scale: Scale) -> list[tuple[str, str]]:
    cells = [cell for sweep in _sweeps(results, scale) for cell in sweep.cells.values()]
    done, planned = sum(len(cell.done) for cell in cells), sum(len(cell.planned) for cell in cells)
    log = read_lines(results.folder / "log.jsonl")
    facts = [
        ("Scale", scale),
        ("Trainings", f"{done:,} done of {planned:,} begun"),
        ("Training time", duration(sum((cell.seconds for cell in cells), 0.0))),
    ]
    if log:
        began = datetime.fromtimestamp(min(line["time"] for line in log), tz=UTC)
        ended = datetime.fromtimestamp(max(line["time"] + line["seconds"] for line in log), tz=UTC)
        facts += [
            ("Commands", "; ".join(dict.fromkeys(line["command"] for line in log))),
            ("Called", plural(len({line.get("call", line["time"]) for line in log}), "time")),
            ("Time in all", duration(float(sum(line["seconds"] for line in log)))),
            ("Machine", "; ".join(dict.fromkeys(line["machine"] for line in log))),
            ("From", f"{began:%Y-%m-%d %H:%M} UTC"),
            ("To", f"{ended:%Y-%m-%d %H:%M} UTC"),
        ]
    return [*facts, ("neuralgpu", __version__)]


def _sweeps(results: Results, scale: Scale) -> list[Any]:
    names = dict.fromkeys(name for experiment in EXPERIMENTS.values() for name in experiment.sweeps(scale))
    return [found for name in names if (found := results.sweep(name)) is not None]


def _digest(results: Results) -> str:
    digest = hashlib.sha256(__version__.encode())
    for file in results.inputs():
        digest.update(file.relative_to(results.folder).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _written_from(folder: Path) -> str | None:
    try:
        return json.loads((folder / _STATE).read_bytes())["made_from"]
    except (OSError, ValueError, KeyError, TypeError):
        return None

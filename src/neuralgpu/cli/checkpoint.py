"""neuralgpu checkpoint: what a run has saved, whether it is whole, and how much of it is kept."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import JsonOption, RunArgument, whole_number

if TYPE_CHECKING:
    from neuralgpu.checkpoint import Finding
    from neuralgpu.run_directory import RunDirectory


def ls(run: RunArgument, as_json: JsonOption = False) -> None:
    """List a run's checkpoints: step, time, size, seeds, and whether they are whole."""
    from neuralgpu.run_directory import open_run

    if not _shown(open_run(run), as_json=as_json):
        typer.echo(f"{run} has saved no checkpoint.", err=True)


def verify(run: RunArgument, as_json: JsonOption = False) -> None:
    """Verify every file of every checkpoint.

    Lists them as 'ls' does. Where one is damaged, the exit code is 3, and the message names the file and says which
    checkpoint would be used.
    """
    from neuralgpu.errors import DamagedRunError
    from neuralgpu.run_directory import open_run

    findings = _shown(open_run(run), as_json=as_json)
    damaged = [finding.damage for finding in findings if finding.damage]
    whole = [finding.step for finding in findings if not finding.damage]
    if not findings:
        raise DamagedRunError(f"{run} has saved no checkpoint; train again with --force.")
    if not whole:
        raise DamagedRunError(" ".join(damaged) + " No whole checkpoint is left; train again with --force.")
    if damaged:
        raise DamagedRunError(
            f"{' '.join(damaged)} The checkpoint of step {whole[-1]} would be used; "
            f"'neuralgpu checkpoint prune {run}' removes the damaged ones."
        )


def prune(
    run: RunArgument, keep: Annotated[int, whole_number("--keep", 1, 1_000_000, "Number of checkpoints to keep")] = 2
) -> None:
    """Remove older checkpoints, damaged ones, and what killed processes have left.

    The newest whole ones stay; where none is whole, nothing is removed.
    """
    from neuralgpu.checkpoint import prune as pruned
    from neuralgpu.model.memory import bytes_text
    from neuralgpu.run_directory import open_run
    from neuralgpu.run_lock import locked

    directory = open_run(run)
    with locked(run):
        removed, freed = pruned(directory.checkpoints, keep)
    for finding in removed:
        why = "it was damaged" if finding.damage else f"it is older than the {keep} to be kept"
        typer.echo(f"Removed the checkpoint of step {finding.step}: {why}.")
    typer.echo(f"{bytes_text(freed)} freed.")


def _shown(directory: "RunDirectory", *, as_json: bool) -> list["Finding"]:
    """Prints what a look at a run's checkpoints finds, and returns it."""
    from neuralgpu.checkpoint import examine
    from neuralgpu.model.memory import bytes_text

    findings, seeds = examine(directory.checkpoints), directory.config().seeds
    rows = [("step", "saved", "size", "seeds", "state")]
    for finding in findings:
        diverged = _diverged(finding)
        if as_json:
            record = {
                "step": finding.step,
                "path": str(finding.path),
                "saved": round(finding.saved, 3),
                "bytes": finding.bytes,
                "seeds": list(seeds),
                "diverged": diverged,
                "whole": not finding.damage,
                "damage": finding.damage,
            }
            typer.echo(json.dumps(record))
        rows.append(
            (
                f"{finding.step}",
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(finding.saved)),
                bytes_text(finding.bytes),
                f"{len(seeds)}, {len(diverged)} diverged" if diverged else f"{len(seeds)}",
                finding.damage.replace(f"{finding.path}/", "") if finding.damage else "whole",
            )
        )
    if findings and not as_json:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            step, saved, size, held, state = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            typer.echo(f"{step}  {saved}  {size}  {held}  {state}".rstrip())
    return findings


def _diverged(finding: "Finding") -> dict[str, int]:
    found = finding.state.get("diverged")
    return found if isinstance(found, dict) else {}

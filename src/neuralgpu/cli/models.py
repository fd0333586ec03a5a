"""neuralgpu models."""

import json
from pathlib import Path
from typing import Annotated

import typer

from neuralgpu.cli.arguments import JsonOption


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show this model's card: what it can do, and what it cannot.")
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option("--copy", metavar="DIR", help="Copy the model to a run directory of your own."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the trained models that come with neuralgpu, each with the finding of its judgement.

    'solve NAME INPUT' asks one, 'judge NAME' judges it. Copied to a run directory it can be evaluated, searched for
    faults and trained on.
    """
    from neuralgpu.errors import UserError
    from neuralgpu.shipped import CARD, copy_shipped, find_shipped, shipped_names

    if copy is not None:
        if name is None:
            raise UserError(f"Say which model to copy to {copy}: neuralgpu models NAME --copy {copy}.")
        typer.echo(str(copy_shipped(name, copy).path))
        return
    if name is not None and not as_json:
        typer.echo((find_shipped(name).path / CARD).read_text(encoding="utf-8"), nl=False)
        return
    for one in shipped_names() if name is None else [name]:
        _show(one, as_json=as_json)


def _show(name: str, *, as_json: bool) -> None:
    from neuralgpu.reporting.judgement import read_judgement
    from neuralgpu.reporting.judgement_verdict import reach_judgement
    from neuralgpu.shipped import find_shipped

    run = find_shipped(name)
    findings = read_judgement(run.judgement)
    record, verdict = findings.record, reach_judgement(findings).text
    if as_json:
        known = {
            "name": name,
            "path": str(run.path),
            "task": record.task,
            "step": record.step,
            "trained_to": record.trained_to,
            "verdict": verdict,
        }
        typer.echo(json.dumps(known))
        return
    typer.echo(
        f"{name}: {record.operation}, base {record.base}, {record.layout}; trained on inputs of at most "
        f"{record.trained_to} symbols\n    {verdict}"
    )

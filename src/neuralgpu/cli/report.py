"""neuralgpu report."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Run directory, as 'neuralgpu train' makes it, or the folder of a judgement."
        ),
    ],
) -> None:
    """Write a run's report: one self-contained HTML page; or that of a judgement again, as HTML and Markdown."""
    from neuralgpu.judgement_record import RECORD_FILE
    from neuralgpu.reporting.judgement_report import write_judgement_report
    from neuralgpu.reporting.report import write_report
    from neuralgpu.run_directory import RunDirectory

    if (folder / RECORD_FILE).is_file():
        page, _ = write_judgement_report(folder)
    else:
        for warning in RunDirectory(folder).torn_logs():
            typer.echo(f"neuralgpu: {warning}", err=True)
        page = write_report(folder)
    typer.echo(str(page))

"""neuralgpu report."""

import typer

from neuralgpu.cli.arguments import RunArgument


def report(run: RunArgument) -> None:
    """Write a run's report: one self-contained HTML page."""
    from neuralgpu.reporting.report import write_report
    from neuralgpu.run_directory import RunDirectory

    for warning in RunDirectory(run).torn_logs():
        typer.echo(f"neuralgpu: {warning}", err=True)
    typer.echo(str(write_report(run)))

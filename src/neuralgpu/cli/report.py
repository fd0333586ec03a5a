"""neuralgpu report."""

import typer

from neuralgpu.cli.arguments import RunArgument


def report(run: RunArgument) -> None:
    """Write a run's report: one self-contained HTML page."""
    from neuralgpu.reporting.report import write_report

    typer.echo(str(write_report(run)))

"""neuralgpu sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neuralgpu.cluster.standing import JobStanding, Standing
    from neuralgpu.cluster.sweep import Ended


def sweep(
    spec: Annotated[
        Path | None,
        typer.Argument(metavar="SPEC.toml", help="Tasks, variants, sizes and seeds; see the page 'Sweeps'."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT", help="A Ray cluster; one on this machine by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The sweep's directory; runs/SPEC by default.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Do what is missing of a sweep that has ended early.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the jobs, how they are packed and what they cost; begin nothing.")
    ] = False,
) -> None:
    """Train and judge a grid of tasks, variants, sizes and seeds, on this machine or on a Ray cluster.

    Jobs whose worker or machine dies are tried again from their newest checkpoint.

    Ctrl-C saves what runs; --resume does only what is missing.
    """
    from neuralgpu.errors import UserError

    if (spec is None and resume is None) or (dry_run and (spec is None or resume is not None)):
        raise UserError("Give a SPEC.toml, such as examples/sweep.toml, or --resume with the directory of a sweep.")
    if resume is not None and out is not None:
        raise UserError("--resume names the sweep's directory; leave --out out.")
    if dry_run and spec is not None:
        _show_plan(spec, address)
        return
    from neuralgpu.cli.interrupts import stop_on_signal
    from neuralgpu.cli.sweep_table import sweep_display
    from neuralgpu.cluster.sweep import begin_sweep, require_ray, resume_sweep
    from neuralgpu.tasks import added_files

    require_ray()
    with stop_on_signal(lambda: "Stopped before any job was begun.") as stop, sweep_display() as show:

        def watch(standing: "Standing", changed: "JobStanding | None") -> None:
            stop.plan(lambda: None, None)  # from here on jobs save before this process ends
            show(standing, changed)

        if resume is not None:
            path, ended = resume, resume_sweep(resume, spec, address, watch, stop)
        else:
            assert spec is not None
            path = out or Path("runs") / spec.stem
            ended = begin_sweep(spec, path, address, added_files(), watch, stop)
    _close(path, ended, address, stop.exit_code if stop() else 1)


def _show_plan(spec: Path, address: str | None) -> None:
    import tempfile

    from rich.console import Console

    from neuralgpu.cli.sweep_table import plan_table, plan_text
    from neuralgpu.cluster.sweep import planned_here, planned_on, require_ray

    if address is None:
        jobs, machine = planned_here(spec)
        machines = [machine]
    else:
        require_ray()
        with tempfile.TemporaryDirectory() as folder:
            jobs, machines = planned_on(spec, address, Path(folder) / "ray.log")
    Console().print(plan_table(jobs))
    typer.echo(plan_text(jobs, machines))


def _close(path: Path, ended: "Ended", address: str | None, exit_code: int) -> None:
    """Says how a sweep ended and what to do next, and leaves with an exit code where it is not done."""
    from neuralgpu.cluster.driver import STOPPED

    standing = ended.standing
    for job in standing.failed():
        typer.echo(f"{job.name} failed: {job.error}", err=True)
    count = standing.count()
    done = f"{count['done']} of {len(standing.jobs)} jobs are done"
    typer.echo(f"{done}; {path / 'results.jsonl'} holds their {ended.rows} rows.", err=True)
    if count["done"] == len(standing.jobs):
        return
    words = ["neuralgpu", "sweep", "--resume", str(path), *(["--address", address] if address else [])]
    reason = {"": "Some jobs failed.", STOPPED: "Stopped; what ran is saved."}.get(ended.reason, ended.reason)
    typer.echo(f"{reason} Go on: {' '.join(words)}", err=True)
    raise typer.Exit(exit_code)

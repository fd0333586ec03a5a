"""A sweep without Ray: its jobs one after the other in this process, in the same directory, with the same outcome."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuralgpu.cluster.board import Report
from neuralgpu.cluster.directory import SweepDirectory, create_sweep
from neuralgpu.cluster.job import bring_to_end
from neuralgpu.cluster.packing import packed
from neuralgpu.cluster.spec import grid, sweep_spec
from neuralgpu.cluster.standing import Standing
from neuralgpu.cluster.sweep import Ended, Watch, check_plan, this_machine
from neuralgpu.devices import cores
from neuralgpu.run_lock import locked

STOPPED = "stopped"
"""Why jobs have not ended, where the user stopped them."""


def sweep_here(path: Path, values: Mapping[str, Any], watch: Watch, stop: Callable[[], bool]) -> Ended:
    """Begins a sweep, or goes on with it, and brings its jobs to an end in this process.

    A job that fails does not keep the others from being done.

    Args:
        path: the sweep's directory.
        values: the spec, as plain values; the same as before where there is a sweep.
        watch: is shown how it stands.
        stop: says whether to save and end.

    Raises:
        UserError: something in the spec is not possible, or it has changed, or another version began the sweep.
        BusyRunError: another process drives the sweep.
        DamagedRunError: the sweep's plan cannot be read.
        StorageError: the disk refused.
    """
    directory = SweepDirectory(path)
    with locked(path):
        if directory.plan_file.exists():
            check_plan(directory, values, "the spec")
        else:
            spec = sweep_spec(values)
            directory = create_sweep(path, values, packed(grid(spec), [this_machine()], spec.job), [])
        jobs = directory.jobs()
        names = [job.name for job in jobs]
        finished = {name for name in names if directory.finished_rows(name) is not None}
        standing = Standing(jobs, finished)
        watch(standing, None)
        for job in jobs:
            if job.name in finished:
                continue
            if stop():
                break

            def send(report: Report, name: str = job.name) -> None:
                watch(standing, standing.update({"job": name, **report}))

            outcome = bring_to_end(directory, job, cores(), send, stop)
            ended = {"job": job.name, "state": outcome.state, "error": outcome.error}
            watch(standing, standing.update(ended))
            directory.merge(names)
            _let_go_of_programs()
        return Ended(standing, STOPPED if stop() else "", directory.merge(names))


def _let_go_of_programs() -> None:
    """Frees what JAX has compiled for a job; the next one has other shapes."""
    import jax

    jax.clear_caches()

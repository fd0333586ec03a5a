"""A sweep from its file to its table: begun or gone on with, driven, merged."""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.cluster.directory import SweepDirectory, check_place, create_sweep
from neuralgpu.cluster.driver_process import DriverProcess, driver_process
from neuralgpu.cluster.job import gpu_memory
from neuralgpu.cluster.packing import Job, Machine, check_room, packed
from neuralgpu.cluster.spec import grid, read_spec, sweep_spec
from neuralgpu.cluster.standing import JobStanding, Standing
from neuralgpu.devices import cores, memory_bytes
from neuralgpu.errors import UserError
from neuralgpu.run_lock import locked
from neuralgpu.settings import read_toml
from neuralgpu.tasks import add_tasks

_SHARE = 0.9
"""Of this machine's memory that jobs may ask for."""
_SECONDS_BETWEEN_MERGES = 30.0
_SECONDS_TO_SEE = 60.0
"""In which what another machine wrote can be read here, on file systems that keep what they have looked up."""

Watch = Callable[[Standing, JobStanding | None], None]
"""Shown how the sweep stands, and the job whose state is a new one, where there is one."""


@dataclass(frozen=True)
class Ended:
    """How a sweep ended, for now."""

    standing: Standing
    reason: str
    """Why not all jobs have ended; "" where they have."""
    rows: int
    """Number of rows in the table."""


def require_ray() -> None:
    """Refuses to go on without Ray.

    Raises:
        UserError: it is not installed; the message says how to install it.
    """
    if find_spec("ray") is None:
        raise UserError("A sweep runs on Ray, which is not installed here; pip install 'neuralgpu[cluster]'.")


def planned_here(spec_file: Path) -> tuple[list[Job], Machine]:
    """Returns the jobs of a sweep on this machine alone, and what this machine has.

    Raises:
        UserError: something in the spec is not possible.
    """
    spec, _ = read_spec(spec_file)
    machine = this_machine()
    return packed(grid(spec), [machine], spec.job), machine


def planned_on(spec_file: Path, address: str, log: Path) -> tuple[list[Job], list[Machine]]:
    """Returns the jobs of a sweep on a cluster, and its machines.

    Raises:
        UserError: something in the spec is not possible, or there is no such cluster.
    """
    spec, _ = read_spec(spec_file)
    cells = grid(spec)
    with driver_process(address, log) as driver:
        machines = driver.machines()
    return packed(cells, machines, spec.job), machines


def begin_sweep(
    spec_file: Path,
    path: Path,
    address: str | None,
    task_files: Sequence[Path],
    watch: Watch,
    stop: Callable[[], bool],
) -> Ended:
    """Begins a sweep and brings its jobs to an end.

    Args:
        spec_file: the spec.
        path: the sweep's directory.
        address: of the cluster; None for one on this machine.
        task_files: the user's own files of tasks.
        watch: is shown how it stands.
        stop: says whether to stop.

    Raises:
        UserError: something in the spec is not possible, or something is in the directory already.
        BusyRunError: another process drives the sweep.
        StorageError: the disk refused.
    """
    spec, values = read_spec(spec_file)
    cells = grid(spec)
    jobs = None if address else packed(cells, [this_machine()], spec.job)
    check_place(path)
    with locked(path), driver_process(address, SweepDirectory(path).ray_log) as driver:
        machines = driver.machines()
        jobs = jobs or packed(cells, machines, spec.job)
        check_room(jobs, machines)
        directory = create_sweep(path, values, jobs, task_files)
        return _driven(directory, jobs, driver, watch, stop)


def resume_sweep(
    path: Path, spec_file: Path | None, address: str | None, watch: Watch, stop: Callable[[], bool]
) -> Ended:
    """Brings those jobs of a sweep to an end that are not finished.

    Args:
        path: the sweep's directory.
        spec_file: the spec, which has to be the same as before; None to go on without looking.
        address: of the cluster; None for one on this machine.
        watch: is shown how it stands.
        stop: says whether to stop.

    Raises:
        UserError: there is no sweep, or the spec has changed.
        BusyRunError: another process drives the sweep.
        DamagedRunError: the sweep's plan cannot be read.
        StorageError: the disk refused.
    """
    directory = SweepDirectory(path)
    given = directory.plan["spec"] if spec_file is None else read_toml(spec_file)
    check_plan(directory, given, spec_file or path)
    for file in directory.task_files():
        add_tasks(file)
    jobs = directory.jobs()
    with locked(path):
        missing = [job for job in jobs if directory.finished_rows(job.name) is None]
        if not missing:
            standing = Standing(jobs, [job.name for job in jobs])
            return Ended(standing, "", directory.merge([job.name for job in jobs]))
        with driver_process(address, directory.ray_log) as driver:
            check_room(missing, driver.machines())
            return _driven(directory, jobs, driver, watch, stop)


def this_machine() -> Machine:
    """Returns what this machine has for jobs."""
    memories = gpu_memory()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = len(memories) if visible is None else len([name for name in visible.split(",") if name.strip()])
    return Machine(socket.gethostname(), cores(), gpus, int(_SHARE * memory_bytes()), min(memories, default=0))


def check_plan(directory: SweepDirectory, given: Mapping[str, Any], source: object) -> None:
    """Refuses to go on with a sweep that began with another spec or another version.

    Args:
        directory: the sweep's.
        given: the spec as plain values.
        source: where it comes from, for the message.

    Raises:
        UserError: it did.
    """
    before = directory.plan["spec"]
    changed = sorted(key for key in given.keys() | before.keys() if given.get(key) != before.get(key))
    if changed:
        raise UserError(
            f"{source} is not the spec that {directory.path} began with: it differs in {', '.join(changed)}; "
            "begin another sweep with another --out, or give --resume alone."
        )
    if directory.plan["version"] != __version__:
        raise UserError(
            f"{directory.path} began with neuralgpu {directory.plan['version']}, this is {__version__}; install that "
            "one, or begin the sweep anew."
        )


def _driven(
    directory: SweepDirectory, jobs: Sequence[Job], driver: DriverProcess, watch: Watch, stop: Callable[[], bool]
) -> Ended:
    names = [job.name for job in jobs]
    finished = {name for name in names if directory.finished_rows(name) is not None}
    standing = Standing(jobs, finished)
    watch(standing, None)
    spec = sweep_spec(directory.plan["spec"])
    driver.tell(
        {
            "out": str(directory.path.resolve()),
            "token": directory.token,
            "retries": spec.job.retries,
            "jobs": [job.record() for job in jobs if job.name not in finished],
        }
    )
    reason, merged, new, asked = "", time.monotonic(), False, False
    for message in driver.messages():
        changed = standing.update(message) if message else None
        new = new or (changed is not None and changed.state == "done")
        reason = message.get("end", reason) if message else reason
        if stop() and not asked:
            asked = True
            driver.tell({"stop": True})
        if new and time.monotonic() > merged + _SECONDS_BETWEEN_MERGES:
            directory.merge(names)
            merged, new = time.monotonic(), False
        watch(standing, changed)
    _await_rows(directory, standing)
    return Ended(standing, reason, directory.merge(names))


def _await_rows(directory: SweepDirectory, standing: Standing) -> None:
    """Waits for the rows of the jobs that are done; one whose rows cannot be read here has failed."""
    until = time.monotonic() + _SECONDS_TO_SEE
    for job in standing.jobs.values():
        while job.state == "done" and directory.finished_rows(job.name) is None:
            if time.monotonic() > until:
                job.state, job.error = "failed", f"{job.host} finished it, but its rows cannot be read here."
                break
            time.sleep(1)

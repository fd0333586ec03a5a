"""Runs what is missing of experiments: their sweeps, job by job, and then what is measured of them."""

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.cluster.directory import write_whole
from neuralgpu.cluster.sweep import Ended, Watch
from neuralgpu.devices import cores, memory_bytes
from neuralgpu.disk import make_folder
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.experiments.experiment import Experiment, Measurement, Scale, SweepValues
from neuralgpu.experiments.registry import find_scale
from neuralgpu.experiments.results import Results
from neuralgpu.rows import append_lines

_MARK = "reproduction.json"
LOCAL = "local"
"""The address of a Ray that is started on this machine."""

Show = Callable[[str], AbstractContextManager[Watch]]
"""Opens the display of a sweep of some name."""
Tell = Callable[[str], None]


@dataclass
class Done:
    """What one command has done."""

    jobs: int = 0
    measured: int = 0
    problems: list[str] = field(default_factory=list)
    """Why something is still missing, a line each."""

    @property
    def nothing(self) -> bool:
        """Whether nothing was missing."""
        return not self.jobs and not self.measured and not self.problems


def open_folder(folder: Path, scale: Scale | None) -> Scale:
    """Makes the folder of a reproduction, or opens the one that is there, and returns its scale.

    Args:
        folder: where everything goes.
        scale: what is asked for; None: that of the folder.

    Raises:
        UserError: the folder is something else, or holds another scale.
        StorageError: it cannot be made.
    """
    found = scale_of(folder)
    if found is not None:
        if scale not in (None, found):
            raise UserError(
                f"{folder} holds the scale {found!r}, not {scale!r}; leave --scale out or choose another --out."
            )
        return found
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already and is no reproduction; choose another --out.")
    try:
        make_folder(folder)
    except OSError as error:
        raise StorageError(f"Cannot make {folder}: {error.strerror}; choose another --out.") from error
    chosen: Scale = scale or "laptop"
    write_whole(folder / _MARK, json.dumps({"scale": chosen, "version": __version__}).encode())
    return chosen


def scale_of(folder: Path) -> Scale | None:
    """Returns the scale of a folder; None where there is no reproduction.

    Raises:
        DamagedRunError: its mark cannot be read.
    """
    try:
        return find_scale(json.loads((folder / _MARK).read_bytes())["scale"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, UserError) as error:
        raise DamagedRunError(
            f"{folder / _MARK} cannot be read ({error}); restore it, or choose another --out."
        ) from error


def run_missing(
    folder: Path,
    scale: Scale,
    experiments: Sequence[Experiment],
    address: str | None,
    command: str,
    show: Show,
    tell: Tell,
    stop: Callable[[], bool],
) -> Done:
    """Runs what is missing of experiments, one after the other; first what is measured without any training.

    Args:
        folder: of the reproduction.
        scale: its scale.
        experiments: in the order in which they are run.
        address: of a Ray cluster; None: job after job in this process.
        command: what is written into the log.
        show: shows how a sweep stands.
        tell: is told what is measured.
        stop: says whether to save and end.

    Raises:
        UserError: something is not possible, such as a sweep that began with other settings.
        StorageError: the disk refused.
    """
    done, call = Done(), round(time.time(), 3)

    def doing(what: str, work: Callable[[], None]) -> None:
        """Does something, and writes down how long it took if there was anything to do."""
        before, started = (done.jobs, done.measured), time.time()
        try:
            work()
        finally:
            if (done.jobs, done.measured) != before:
                _log(folder, {"command": command, "call": call, "did": what}, started)

    def measure(measurement: Measurement) -> None:
        if not stop():
            doing(f"measurement {measurement.name}", partial(_measure, Results(folder), measurement, tell, done))

    measurements = {experiment.name: experiment.measurements(scale) for experiment in experiments}
    for measurement in chain(*measurements.values()):
        if not measurement.sweep:
            measure(measurement)
    for experiment in experiments:
        for name, values in experiment.sweeps(scale).items():
            if not stop():
                work = partial(_run_sweep, Results(folder), name, values, address, show, stop, done)
                doing(f"sweep {name}", work)
        for measurement in measurements[experiment.name]:
            if measurement.sweep:
                measure(measurement)
    return done


def is_measured(results: Results, measurement: Measurement) -> bool:
    """Says whether something was measured already, in the same way."""
    record = results.measurement(measurement.name)
    return record is not None and record["arguments"] == _plain(measurement.arguments)


def _run_sweep(
    results: Results,
    name: str,
    values: SweepValues,
    address: str | None,
    show: Show,
    stop: Callable[[], bool],
    done: Done,
) -> None:
    values, directory, found = _plain(values), results.sweep_directory(name), results.sweep(name)
    if found is not None and found.directory.plan["spec"] == values and not found.missing:
        return
    before = 0 if found is None else len(found.finished)
    with show(name) as watch:
        ended = _swept(directory.path, values, address, watch, stop)
    done.jobs += ended.standing.count()["done"] - before
    done.problems += [f"{name}: {job.name} failed: {job.error}" for job in ended.standing.failed()]


def _swept(path: Path, values: SweepValues, address: str | None, watch: Watch, stop: Callable[[], bool]) -> Ended:
    import tomli_w

    spec_file = path.with_suffix(".toml")
    write_whole(spec_file, tomli_w.dumps(values).encode())
    if address is None:
        from neuralgpu.cluster.here import sweep_here

        return sweep_here(path, values, watch, stop)
    from neuralgpu.cluster.directory import SweepDirectory
    from neuralgpu.cluster.sweep import begin_sweep, require_ray, resume_sweep

    require_ray()
    cluster = None if address == LOCAL else address
    if SweepDirectory(path).plan_file.exists():
        return resume_sweep(path, spec_file, cluster, watch, stop)
    return begin_sweep(spec_file, path, cluster, (), watch, stop)


def _measure(results: Results, measurement: Measurement, tell: Tell, done: Done) -> None:
    if is_measured(results, measurement):
        return
    sweep = results.sweep(measurement.sweep) if measurement.sweep else None
    if measurement.sweep and (sweep is None or sweep.missing):
        done.problems.append(f"{measurement.name} waits for the sweep {measurement.sweep}.")
        return
    from neuralgpu import devices

    devices.configure()
    from neuralgpu.experiments import measuring

    functions: Mapping[str, Callable[..., measuring.Found]] = {
        "operations": measuring.operations,
        "memory": measuring.memory,
        "thresholds": measuring.thresholds,
        "regular": measuring.regular,
        "answers": measuring.answers,
    }
    started = time.time()
    arguments: dict[str, Any] = dict(measurement.arguments)
    try:
        if sweep is not None:
            arguments["models"] = {name: measuring.models_of(sweep.cells[name].runs) for name in measurement.cells}
    except DamagedRunError as error:
        place = results.sweep_directory(measurement.sweep).path
        done.problems.append(f"{measurement.name} needs weights ({error}); remove {place} to train again.")
        return
    found = functions[measurement.what](**arguments, watch=tell)
    record = {
        "name": measurement.name,
        "arguments": _plain(measurement.arguments),
        "seconds": round(time.time() - started, 2),
        "device": devices.device_name(),
        "versions": devices.versions(),
        "found": found,
    }
    write_whole(results.measured_file(measurement.name), json.dumps(record).encode())
    done.measured += 1


def _log(folder: Path, record: dict[str, Any], started: float) -> None:
    machine = f"{platform.system()} {platform.machine()}, {cores()} cores, {memory_bytes() / 1e9:.0f} GB"
    times = {"time": round(started, 3), "seconds": round(time.time() - started, 1)}
    append_lines(folder / "log.jsonl", [{**record, **times, "machine": machine, "version": __version__}])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values as they come back from a file."""
    return json.loads(json.dumps(values))

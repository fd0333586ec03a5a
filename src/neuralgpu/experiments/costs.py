"""What experiments cost, on the machines of step_times.toml."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from neuralgpu.cluster.spec import Cell, grid, sweep_spec
from neuralgpu.experiments.experiment import Experiment, Scale
from neuralgpu.experiments.hours import Rate, Step, measured_rates, rate_for, run_operations
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.running import is_measured


@dataclass(frozen=True)
class Device:
    """A machine that estimates are made for."""

    name: str
    about: str
    rates: dict[int, Rate]
    """By channels."""
    any_size: Rate | None = None
    """Assumed for all sizes."""

    def rate(self, channels: int) -> Rate:
        """Returns the rate of a size."""
        return self.any_size or rate_for(channels, self.rates)


@dataclass(frozen=True)
class Planned:
    """What there is to do for one sweep or measurement of an experiment."""

    experiment: str
    what: str
    """'sweep NAME' or 'measurement NAME'."""
    trainings: int
    done: int
    """Of the trainings; of a measurement 1 or 0."""
    hours: dict[str, float]
    """At most, of all its trainings, by the device's name."""

    def record(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)


def known_devices() -> list[Device]:
    """Returns the machines of step_times.toml."""
    text = resources.files("neuralgpu").joinpath("experiments", "step_times.toml").read_text("utf-8")
    found: list[Device] = []
    for entry in tomllib.loads(text)["device"]:
        assumed = entry.get("operations_a_second")
        rates = measured_rates([Step(*step) for step in entry.get("steps", ())])
        any_size = None if assumed is None else Rate(0.0, 1 / assumed, "assumed")
        found.append(Device(entry["name"], entry["about"], rates, any_size))
    return found


def planned(folder: Path, scale: Scale, experiments: Sequence[Experiment]) -> list[Planned]:
    """Returns what experiments consist of, what of it is done, and what all of it costs at most."""
    results, devices, seen = Results(folder), known_devices(), set[str]()
    lines: list[Planned] = []
    for experiment in experiments:
        for name, values in experiment.sweeps(scale).items():
            if f"sweep {name}" in seen:
                continue
            seen.add(f"sweep {name}")
            cells = grid(sweep_spec(values))
            found = results.sweep(name)
            done = 0 if found is None else sum(len(cell.done) for cell in found.cells.values())
            trainings = sum(len(cell.seeds) for cell in cells)
            lines.append(Planned(experiment.name, f"sweep {name}", trainings, done, _hours(cells, devices)))
        for measurement in experiment.measurements(scale):
            if measurement.name not in seen:
                seen.add(measurement.name)
                done = int(is_measured(results, measurement))
                lines.append(Planned(experiment.name, f"measurement {measurement.name}", 0, done, {}))
    return lines


def _hours(cells: Sequence[Cell], devices: Sequence[Device]) -> dict[str, float]:
    hours = dict.fromkeys((device.name for device in devices), 0.0)
    for cell in cells:
        work, steps = run_operations(cell.config), cell.config.steps
        for device in devices:
            seconds = steps * device.rate(cell.config.model.channels).seconds(work / steps)
            hours[device.name] += seconds * len(cell.seeds) / 3600
    return hours

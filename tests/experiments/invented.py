"""Invented results of a reproduction, as sweeps and measurements would leave them; nothing is trained."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuralgpu.cluster.directory import SweepDirectory, create_sweep
from neuralgpu.cluster.packing import Job, Machine, packed
from neuralgpu.cluster.spec import grid, sweep_spec
from neuralgpu.experiments.experiment import Experiment, Scale
from neuralgpu.experiments.results import Results
from neuralgpu.proportion import wilson_interval
from neuralgpu.rows import ResultRow, append_lines, append_rows

MACHINE = Machine("here", 2, 0, 10**12)
VERSIONS = {"neuralgpu": "0.1.0", "jax": "0.10.2", "python": "3.11.7"}

Wrong = Callable[[Job, int, str, int], int]
"""How many of a cell's inputs are wrong, by job, seed, suite and size."""


def nothing_wrong(job: Job, seed: int, suite: str, size: int) -> int:
    return 0


def begin(folder: Path, name: str, values: Mapping[str, Any]) -> tuple[SweepDirectory, list[Job]]:
    """Plans a sweep of which no job is done."""
    values = json.loads(json.dumps(values))
    spec = sweep_spec(values)
    jobs = packed(grid(spec), [MACHINE], spec.job)
    path = Results(folder).sweep_directory(name).path
    path.parent.mkdir(parents=True, exist_ok=True)
    return create_sweep(path, values, jobs, []), jobs


def finish(directory: SweepDirectory, job: Job, wrong: Wrong) -> None:
    """Finishes a job."""
    run = directory.run(job.name)
    run.path.mkdir(parents=True)
    steps, seeds = job.config.steps, job.config.seeds
    common = {"event": "progress", "task": job.config.task, "length": 41, "loss": 0.1, "sequence_error": 0.2}
    times = [steps // 2, steps]
    events = [{**common, "step": step, "time": 1.0, "seed": seed} for step in times for seed in seeds]
    append_lines(run.events_file, [*events, {"event": "finish", "step": steps, "time": 2.0, "seconds": 60.0}])
    append_rows(
        run.results_file,
        [
            row(job, seed, question.suite.name, question.length, question.own_size, question.count, missed, step)
            for question in job.questions
            for seed in seeds
            for step in (times if question.suite.name == "random" and job.every else times[-1:])
            if (missed := wrong(job, seed, question.suite.name, question.size)) is not None
        ],
    )
    directory.finish(job.name)


def row(job: Job, seed: int, suite: str, length: int, size: int | None, count: int, wrong: int, step: int) -> ResultRow:
    low, high = wilson_interval(wrong, count)
    return ResultRow(
        run=job.name,
        seed=seed,
        step=step,
        task=job.task.name,
        layout=job.task.layout,
        suite=suite,
        length=length,
        size=size,
        count=count,
        sequence_error=wrong / count,
        symbol_error=wrong / count / 10,
        ci_low=low,
        ci_high=high,
        versions=VERSIONS,
    )


def done(folder: Path, experiment: Experiment, scale: Scale, wrong: Wrong = nothing_wrong) -> None:
    """Does all the sweeps of an experiment that have not been begun."""
    for name, values in experiment.sweeps(scale).items():
        if not Results(folder).sweep_directory(name).plan_file.exists():
            directory, jobs = begin(folder, name, values)
            for job in jobs:
                finish(directory, job, wrong)


def measured(folder: Path, name: str, arguments: Mapping[str, Any], found: list[dict[str, Any]]) -> None:
    """Writes a measurement."""
    file = Results(folder).measured_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    record = {"name": name, "arguments": arguments, "found": found}
    file.write_text(json.dumps(json.loads(json.dumps(record))), encoding="utf-8")


def threshold(seed: int, found: int | None, largest: int = 98) -> dict[str, Any]:
    """A threshold of a decimal adder."""
    return {
        "cell": "adde-classic-24",
        "run": "0",
        "seed": seed,
        "averaged": None,
        "step": 1400,
        "task": "adde",
        "layout": "aligned",
        "suite": "carry-low",
        "size_name": "carry length",
        "size": largest,
        "threshold": found,
        "below": None,
        "count": 300,
        "versions": VERSIONS,
    }

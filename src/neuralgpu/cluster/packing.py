"""Packs the cells of a sweep into jobs: how many seeds are trained together, and what a job asks of a machine."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from neuralgpu.cluster.spec import Cell, JobSpec
from neuralgpu.config import RunConfig
from neuralgpu.cost import OPERATIONS_A_CORE, step_operations, training_bytes
from neuralgpu.errors import UserError
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.model.memory import bytes_text, parse_bytes
from neuralgpu.settings import run_config
from neuralgpu.tasks import Task, find_task

_SHARE = 0.7
"""Of a device's memory that a job may count on; JAX takes three quarters of a GPU's."""
_HOST_BYTES_BESIDE_A_GPU = 4_000_000_000


@dataclass(frozen=True)
class Machine:
    """What a machine of the cluster has."""

    name: str
    cpus: int
    gpus: int
    memory: int
    """Bytes that jobs may ask for."""
    gpu_memory: int = 0
    """Bytes of its smallest GPU."""


@dataclass(frozen=True)
class Job:
    """Seeds of one cell that are trained together and then judged: one run directory."""

    name: str
    """CELL/SEEDS, the run's path in the sweep's directory."""
    config: RunConfig
    questions: tuple[Question, ...]
    judging_seed: int
    cpus: int
    gpus: int
    memory: int
    every: int = 0
    """Training steps between two looks at the random inputs on the way; 0: none."""
    every_count: int = 32
    """Inputs in each cell of such a look."""
    asked: str = ""
    """What is asked, where that is not the task that is learned last."""

    @property
    def task(self) -> Task:
        """What is asked."""
        return find_task(self.asked or self.config.task)

    @property
    def operations(self) -> float:
        """Floating-point operations of its training, if every step has the longest inputs."""
        return len(self.config.seeds) * self.config.steps * step_operations(self.config)

    def record(self) -> dict[str, Any]:
        """Returns the job as plain values."""
        asked = [(question.suite.name, question.size, question.count) for question in self.questions]
        return {**asdict(self), "questions": asked}


def job_of(record: dict[str, Any]) -> Job:
    """Returns the job of plain values."""
    config = run_config(record["config"])
    task = find_task(record.get("asked") or config.task)
    asked = tuple(Question(find_suite(suite), task, size, count) for suite, size, count in record["questions"])
    return Job(**{**record, "config": config, "questions": asked})


def packed(cells: Sequence[Cell], machines: Sequence[Machine], wish: JobSpec) -> list[Job]:
    """Divides every cell's seeds into jobs that fit a machine.

    On a CPU a job has a core a seed, as each core trains one seed at a time. A GPU trains all the seeds of a job at
    once: as many as fit its memory, but no more than leave work for the other GPUs.

    Raises:
        UserError: no machine has what a job needs.
    """
    gpus = wish.gpus if wish.gpus >= 0 else int(any(machine.gpus for machine in machines))
    counted = [machine.gpus if gpus else machine.cpus for machine in machines]
    share = math.ceil(sum(len(cell.seeds) for cell in cells) / max(1, sum(counted)))
    jobs: list[Job] = []
    for cell in cells:
        most = _most_together(cell, machines, gpus)
        if gpus:
            most = min(most, share)
        most = min(most, wish.seeds or most, len(cell.seeds))
        jobs += [_job(cell, part, gpus, wish) for part in _parts(cell.seeds, most)]
    check_room(jobs, machines)
    return jobs


def check_room(jobs: Sequence[Job], machines: Sequence[Machine]) -> None:
    """Refuses jobs that no machine could ever run.

    Raises:
        UserError: the message says what the job asks for and what there is.
    """
    for job in jobs:
        if not any(fits(job, machine) for machine in machines):
            raise UserError(f"{lacking(job, machines)}; add such a machine, or make the job smaller in [job].")


def fits(job: Job, machine: Machine) -> bool:
    """Says whether a machine that is free could run a job."""
    return job.cpus <= machine.cpus and job.gpus <= machine.gpus and job.memory <= machine.memory


def lacking(job: Job, machines: Sequence[Machine]) -> str:
    """Says that no machine has what a job asks for."""
    asked = _resources(job.cpus, job.gpus, job.memory)
    most = [f"{machine.name} has {_resources(machine.cpus, machine.gpus, machine.memory)}" for machine in machines]
    listed = ", ".join(sorted(most)[:3]) + (", ..." if len(most) > 3 else "")
    return f"No machine has what {job.name} asks for, {asked} ({listed or 'there is none'})"


def core_hours(jobs: Sequence[Job]) -> float:
    """Returns the hours of one core that the trainings take at most, by a cautious estimate of what a core does."""
    return sum(job.operations for job in jobs) / OPERATIONS_A_CORE / 3600


def _resources(cpus: int, gpus: int, memory: int) -> str:
    graphics = f", {gpus} GPU{'s' * (gpus > 1)}" if gpus else ""
    return f"{cpus} core{'s' * (cpus != 1)}{graphics} and {bytes_text(memory)}"


def _most_together(cell: Cell, machines: Sequence[Machine], gpus: int) -> int:
    """Returns how many of a cell's seeds the best machine can train at once."""
    if cell.config.curriculum.kind == "growth" and cell.config.model.depends_on_padding:
        return 1  # their padding would tie them to each other, see RunConfig

    def bytes_of(seeds: int) -> int:
        return training_bytes(replace(cell.config, seeds=tuple(range(seeds))), seeds)

    each = bytes_of(2) - bytes_of(1)
    base = bytes_of(1) - each
    if gpus:
        memory = max(machine.gpu_memory for machine in machines) or math.inf
        return max(1, int(min(_SHARE * memory / each, len(cell.seeds))))
    rooms = [min(machine.cpus, int((machine.memory - base) / each)) for machine in machines]
    return max(1, *rooms) if rooms else 1


def _parts(seeds: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    """Divides seeds into as few parts as possible, of nearly the same size."""
    count = math.ceil(len(seeds) / most)
    bounds = [len(seeds) * part // count for part in range(count + 1)]
    return [seeds[start:end] for start, end in pairwise(bounds)]


def _job(cell: Cell, seeds: tuple[int, ...], gpus: int, wish: JobSpec) -> Job:
    config = replace(cell.config, seeds=seeds)
    cpus = wish.cpus or (1 if gpus else len(seeds))
    memory = parse_bytes(wish.memory) or (_HOST_BYTES_BESIDE_A_GPU if gpus else training_bytes(config, cpus))
    name = f"{cell.name}/{_range_text(seeds)}"
    asked = cell.questions[0].task.name
    looks = cell.every, cell.every_count, "" if asked == config.task else asked
    return Job(name, config, cell.questions, cell.judging_seed, cpus, gpus, memory, *looks)


def _range_text(seeds: tuple[int, ...]) -> str:
    """Names the directory of a part of the seeds.

    >>> _range_text((3, 4, 5)), _range_text((3,)), _range_text((1, 2, 7))
    ('3..5', '3', '1..7-3')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) == 1:
        return str(first)
    gaps = list(seeds) != list(range(first, last + 1))
    return f"{first}..{last}-{len(seeds)}" if gaps else f"{first}..{last}"

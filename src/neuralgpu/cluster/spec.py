"""What a sweep is to train and to judge: a grid of tasks, variants, sizes and seeds, as a TOML file says it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from neuralgpu.choice import chosen_config
from neuralgpu.config import RunConfig, check_room
from neuralgpu.cost import check_evaluation, check_step
from neuralgpu.errors import UserError, shown
from neuralgpu.evaluation.questions import Question, questions, sizes_below
from neuralgpu.evaluation.suites import CARRY_LENGTH, find_suite
from neuralgpu.model.memory import parse_bytes
from neuralgpu.seed_numbers import seed_numbers
from neuralgpu.settings import built, read_toml
from neuralgpu.tasks import find_task

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_OWN_KEYS = ("task", "seeds")
"""Settings of a run that the spec gives in keys of its own."""
_MOST_JOBS = 100_000


@dataclass(frozen=True, kw_only=True)
class JudgingSpec:
    """What every seed is asked once it is trained."""

    suites: tuple[str, ...] = ()
    """Names of suites; empty: random and carry, those with lengths or carries here."""
    lengths: tuple[int, ...] = ()
    """Lengths of the inputs, but for suites of carries; where there are none of a length, the next shorter ones."""
    carries: tuple[int, ...] = ()
    """carry: numbers of digits that a carry runs through."""
    count: int = 256
    """Inputs in each cell."""
    seed: int = 0
    """Decides the inputs."""
    task: str = ""
    """What is asked, where that is not the task that is learned last."""
    every: int = 0
    """Training steps between two looks at the random inputs on the way, for curves; 0: at the end only."""
    every_count: int = 32
    """Inputs in each cell of such a look."""

    def __post_init__(self) -> None:
        for name in self.suites:
            find_suite(name)
        bounds = {
            "lengths": (1, 100_000),
            "carries": (1, 50_000),
            "count": (1, 10_000_000),
            "every": (0, 10_000_000),
            "every_count": (1, 10_000_000),
        }
        for name, (low, high) in bounds.items():
            given = getattr(self, name)
            for number in given if isinstance(given, tuple) else (given,):
                if not low <= number <= high:
                    raise UserError(f"evaluate.{name} must lie between {low} and {high}, got {shown(number)}.")
        if not 0 <= self.seed <= 2**31:
            raise UserError(f"evaluate.seed must lie between 0 and {2**31}, got {shown(self.seed)}.")


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What one job asks of the cluster; 0 and "" leave it to the packing."""

    seeds: int = 0
    """Most seeds that are trained together."""
    cpus: int = 0
    gpus: int = -1
    """-1: one where the cluster has any, and where it has none, none."""
    memory: str = ""
    """Of the machine, such as "4GB"."""
    retries: int = 10
    """How often a job is tried again whose worker or machine died."""

    def __post_init__(self) -> None:
        for name, low, high in (("seeds", 0, 4096), ("cpus", 0, 4096), ("gpus", -1, 64), ("retries", 0, 10_000)):
            if not low <= getattr(self, name) <= high:
                raise UserError(f"job.{name} must lie between {low} and {high}, got {shown(getattr(self, name))}.")
        if self.memory and parse_bytes(self.memory) is None:
            raise UserError(f"job.memory takes a size, such as 4GB or 800MB; got {shown(self.memory)}.")


@dataclass(frozen=True, kw_only=True)
class SweepSpec:
    """The file, key by key."""

    tasks: tuple[str, ...]
    """Names of tasks, or chains and mixtures of them as `neuralgpu train --curriculum` takes them."""
    preset: str = "fast"
    channels: tuple[int, ...] = ()
    """Sizes of the model; empty: the preset's own."""
    seeds: str = "1"
    """As `neuralgpu train --seeds` takes them."""
    steps: int = 0
    """Training steps at most; 0: the preset's."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Laid over the preset in every job; the keys are those of a run's config.toml."""
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings laid over those of all jobs, by the name of the variant."""
    evaluate: JudgingSpec = field(default_factory=JudgingSpec)
    job: JobSpec = field(default_factory=JobSpec)

    def __post_init__(self) -> None:
        if not self.tasks:
            raise UserError('tasks is empty; name some, such as tasks = ["badd", "bmul"].')
        for name in self.variants:
            if not _NAME.fullmatch(name):
                raise UserError(
                    f"The variant {shown(name)} is to name a directory; use at most 64 letters, digits, '.', '_', '+' "
                    "and '-'."
                )
        for where, table in (("settings", self.settings), *((f"variants.{n}", t) for n, t in self.variants.items())):
            for key in _OWN_KEYS:
                if key in table:
                    raise UserError(f"{where}.{key} is said by the sweep's own '{'tasks' if key == 'task' else key}'.")
            if self.channels and "channels" in _table(table, "model", where):
                raise UserError(f"{where}.model.channels is said by the sweep's own 'channels'; leave one of them out.")


@dataclass(frozen=True)
class Cell:
    """One task, variant and size of the grid, with all of its seeds."""

    name: str
    """TASK-VARIANT-CHANNELS, the directory of its runs."""
    config: RunConfig
    """With the first seed alone: which ones are trained together is for the packing to say."""
    seeds: tuple[int, ...]
    questions: tuple[Question, ...]
    judging_seed: int
    """Decides the inputs of the questions."""
    every: int = 0
    """Training steps between two looks on the way; 0: none."""
    every_count: int = 32
    """Inputs in each cell of such a look."""


def read_spec(path: Path) -> tuple[SweepSpec, dict[str, Any]]:
    """Reads a sweep's file.

    Returns:
        The spec, and the plain values it was made from.

    Raises:
        UserError: the file cannot be read, or something in it is not possible.
    """
    values = read_toml(path)
    try:
        return sweep_spec(values), values
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def sweep_spec(values: Mapping[str, Any]) -> SweepSpec:
    """Builds a spec from plain values.

    Raises:
        UserError: something in it is not possible.
    """
    seeds = values.get("seeds", SweepSpec.seeds)
    return built(SweepSpec, {**values, "seeds": str(seeds) if type(seeds) is int else seeds})


def grid(spec: SweepSpec) -> list[Cell]:
    """Returns the cells of a sweep, every one of them checked as `neuralgpu train` and `evaluate` would.

    Raises:
        UserError: a cell is not possible; the message names it.
    """
    seeds = tuple(sorted(seed_numbers(spec.seeds, 0)))
    if len(set(seeds)) < len(seeds):
        raise UserError(f"seeds names one twice: {shown(spec.seeds)}.")
    found: dict[str, Cell] = {}
    # Without variants there is one, which is the preset.
    variants = spec.variants or {spec.preset: {}}
    sizes = spec.channels or (None,)
    if len(spec.tasks) * len(variants) * len(sizes) * len(seeds) > _MOST_JOBS:
        raise UserError(f"The grid has more than {_MOST_JOBS} trainings; divide it into several sweeps.")
    for text, (variant, settings), channels in product(spec.tasks, variants.items(), sizes):
        try:
            cell = _cell(spec, text, variant, settings, channels, seeds)
        except UserError as error:
            place = [text, variant, *([] if channels is None else [f"{channels} channels"])]
            raise UserError(f"{', '.join(place)}: {error}") from error
        if cell.name in found:
            raise UserError(f"Two parts of the grid are named {cell.name}; is a task or a size given twice?")
        found[cell.name] = cell
    return list(found.values())


def _cell(
    spec: SweepSpec, text: str, variant: str, settings: Mapping[str, Any], channels: int | None, seeds: tuple[int, ...]
) -> Cell:
    chain = text if set(">+") & set(text) else None
    single = [spec.settings, settings, *([] if channels is None else [{"model": {"channels": channels}}])]
    preset = settings.get("preset", spec.settings.get("preset", spec.preset))
    if not isinstance(preset, str):
        raise UserError(f"preset must be text, got {shown(preset)}.")
    steps = spec.steps or None
    config = chosen_config(None if chain else text, preset, {}, single, seeds[:1], steps, chain)
    check_step(config)
    asked = tuple(_questions(spec.evaluate, config))
    check_evaluation(config.model, 1, [(question.length, question.count) for question in asked])
    name = "-".join([*config.tasks, variant, str(config.model.channels)])
    judging = spec.evaluate
    return Cell(name, config, seeds, asked, judging.seed, judging.every, judging.every_count)


def _questions(judging: JudgingSpec, config: RunConfig) -> list[Question]:
    """Returns what a cell's seeds are asked: of the suites that are wanted, those that fit the task."""
    task = find_task(judging.task or config.task)
    check_room(config, task)
    wanted = judging.suites
    if not wanted:
        every = not judging.lengths and not judging.carries
        wanted = (*(["random"] if judging.lengths or every else []), *(["carry"] if judging.carries or every else []))
    asked: list[Question] = []
    for suite in map(find_suite, wanted):
        if not suite.fits(task):
            continue
        sizes: Sequence[int] | None = None
        if suite.size_name == CARRY_LENGTH:
            sizes = judging.carries or None
        elif judging.lengths:
            sizes = sizes_below(suite, task, judging.lengths)
        asked += questions(task, None, suite.name, judging.count, sizes)
    if not asked:
        raise UserError(f"No suite that is asked for fits {task.name!r}; add evaluate.lengths.")
    return asked


def _table(settings: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = settings.get(name, {})
    if not isinstance(found, Mapping):
        raise UserError(f"{where}.{name} is a table of settings, got {shown(found)}.")
    return found

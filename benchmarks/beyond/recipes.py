"""What is tried: named settings laid over a preset, and what is asked of the nets that come out."""

from dataclasses import dataclass, replace
from typing import Any

from neuralgpu.choice import chosen_config
from neuralgpu.config import RunConfig
from neuralgpu.settings import parse_setting
from neuralgpu.tasks import find_task


@dataclass(frozen=True)
class Recipe:
    """Settings that a number of seeds are trained with."""

    name: str
    task: str
    settings: tuple[str, ...] = ()
    """Laid over the preset 'fast', as `--set` takes them."""
    seeds: int = 20

    def config(self) -> RunConfig:
        """Returns the settings of a run of all the seeds."""
        parsed = map(parse_setting, self.settings)
        return chosen_config(self.task, "fast", {}, parsed, tuple(range(self.seeds)), None)


@dataclass(frozen=True)
class Asked:
    """One question: a suite at a size, with so many inputs."""

    suite: str
    size: int
    count: int


NO_COST = "optimiser.saturation_weight=0"
UNTIL_LEARNED = "optimiser.saturation_until='learned'"
UNTIL_OPENED = "optimiser.saturation_until='opened'"
DECIMAL = (
    "model.channels=64",
    "model.dropout=0.05",
    "model.noise_schedule='curriculum'",
    "optimiser.learning_rate=0.0133",
    "optimiser.fall_below=0.2",
    "curriculum.proving_epochs=8",
)
"""The table of decimal digits is larger: more channels, less disturbance at the start, and a seed is given time."""
UP_TO_25 = ("curriculum.buckets=[8,12,16,20,25]", "curriculum.max_length=25", "curriculum.proving_bucket=0")
"""Aligned sums need no longer inputs: nothing has a long way to go."""

RECIPES = {
    recipe.name: recipe
    for recipe in (
        # Padded binary sums. All in one ensemble: they differ in what is no part of a compiled step.
        Recipe("badd-until-learned", "badd", (UNTIL_LEARNED,), 20),
        Recipe("badd-until-opened", "badd", (UNTIL_OPENED,), 10),
        Recipe("badd-no-cost", "badd", (NO_COST,), 10),
        Recipe("badd-preset", "badd", (), 10),
        # Padded decimal sums.
        Recipe("add-until-learned", "add", (*DECIMAL, UNTIL_LEARNED), 20),
        # Aligned sums.
        Recipe("badde-until-learned", "badde", (*UP_TO_25, UNTIL_LEARNED), 20),
        Recipe(
            "adde-until-learned",
            "adde",
            (*UP_TO_25, UNTIL_LEARNED, "model.dropout=0.05", "model.noise_schedule='curriculum'"),
            20,
        ),
        # Products.
        Recipe("bmul-until-learned", "bmul", (UNTIL_LEARNED,), 10),
    )
}

_FREE = {
    "model": {"noise": 0.1, "noise_schedule": "constant", "noise_steps": 1},
    "optimiser": {
        "learning_rate": 0.01,
        "fall_below": 0.1,
        "fall_steps": 1,
        "saturation_weight": 1e-3,
        "saturation_schedule": "adapted",
        "saturation_until": "end",
    },
}
"""Settings that a compiled step is told at every call, with the values that stand for all others."""


def compiled_as(config: RunConfig) -> RunConfig:
    """Returns the settings that decide what a step is compiled to; recipes with the same ones train together."""
    model: dict[str, Any] = {**_FREE["model"], "noise": 0.1 if config.model.noise else 0.0}
    return replace(
        config,
        seeds=(0,),
        carry_share=0.0,
        repeat_share=0.0,
        model=replace(config.model, **model),
        optimiser=replace(config.optimiser, **_FREE["optimiser"]),
    )


def families(recipes: list[Recipe]) -> list[list[Recipe]]:
    """Divides recipes into those whose seeds are trained by one compiled step, in their order."""
    found: dict[RunConfig, list[Recipe]] = {}
    for recipe in recipes:
        found.setdefault(compiled_as(recipe.config()), []).append(recipe)
    return list(found.values())


def shrunk(recipe: Recipe) -> Recipe:
    """Returns a recipe small enough to see that everything works."""
    small = ("model.channels=6", "batch=4", "epoch=3", "curriculum.buckets=[8,12,16]", "curriculum.max_length=15")
    more = (*small, "curriculum.proving_bucket=12", "optimiser.fall_steps=4", "optimiser.fall_below=1.0")
    return replace(recipe, settings=(*recipe.settings, *more, "curriculum.advance_below=1.0"), seeds=2)


_STRUCTURED = ("sparse", "zero-one", "uneven", "nines", "palindromes", "equal", "alternating", "repeated", "power")


def asked_of(task_name: str, *, tiny: bool = False) -> list[Asked]:
    """Returns the questions for a task's nets, those first that say most."""
    task = find_task(task_name)
    if tiny:
        return [Asked("random", 25, 4), Asked("sparse", 12, 4), Asked("random", 41, 4)]
    if task.operation == "multiplication":
        structured = [Asked(suite, 50, 32) for suite in (*_STRUCTURED[:-1], "leading-zeros")] + [Asked("power", 64, 32)]
        return [Asked("random", 401, 128), Asked("random", 101, 128), *structured, Asked("random", 41, 128)]
    places = ("carry-overflow", "carry-low")
    structured = [Asked(suite, 199 if suite == "nines" else 200, 32) for suite in _STRUCTURED[:-1]]
    inside, zeros = Asked("carry-inside", 66, 32), Asked("leading-zeros", 199, 32)
    shorter = [Asked("carry", size, 32) for size in (20, 50, 100)]
    if task.layout == "aligned":
        long = [Asked(suite, size, 16) for size in (999, 200) for suite in places]
        longest = [Asked("random", 20_001, 8), Asked("carry-overflow", 9_999, 2)]
        return [*long, Asked("random", 401, 256), *structured, inside, zeros, Asked("random", 2001, 64), *longest]
    long = [Asked(suite, 1000, 16) for suite in places]
    middle = [Asked(suite, 500, 16) for suite in places]
    return [
        *long,
        Asked("random", 401, 128),
        inside,
        *structured,
        zeros,
        Asked("random", 1001, 64),
        *middle,
        *[Asked(suite, 200, 32) for suite in places],
        *shorter,
        *[Asked(suite, 500, 16) for suite in ("sparse", "zero-one", "uneven")],
        Asked("carry-inside", 166, 16),
        Asked("carry-overflow", 2000, 8),
        Asked("random", 2001, 16),
    ]

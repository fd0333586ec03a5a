"""One process: trains a family of recipes, watches its errors on long inputs, keeps the nets, and asks them all."""

import json
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ensemble import Ensemble
from recipes import Asked, Recipe, asked_of
from scoring import Scorer

from examples import question_arrays, question_length
from neuralgpu import devices
from neuralgpu.checkpoint import Checkpoint, save
from neuralgpu.config import plain
from neuralgpu.named_arrays import named_arrays
from neuralgpu.tasks import find_task
from neuralgpu.training.standing import EpochSums, Standing

_MAKERS, _COMPILERS = 2, 5
_LONG = 401
_WATCHED = 64
"""Inputs of that length that are asked after every epoch, new ones each time; half of them of averaged weights."""
_PROMISING = 0.5
"""Share of wrong ones from which on a net is not asked longer inputs."""
_LEFT = 0.9
"""Share of the steps that seem to be left by which rates have fallen to 0."""


class Rows:
    """A file of JSON lines, each on the disk as soon as it is written."""

    def __init__(self, path: Path) -> None:
        """Adds to what is there."""
        self._file = path.open("a")

    def add(self, **row: Any) -> None:
        """Writes a line."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def run_family(family: list[Recipe], out: Path, train_by: float, end_by: float, *, tiny: bool) -> None:
    """Trains and asks.

    Args:
        family: recipes that one compiled step trains.
        out: folder of the results.
        train_by: time on the clock by which training ends.
        end_by: time by which no further question is begun.
        tiny: whether little is asked.
    """
    started = time.time()
    task = family[0].task
    asked, watched = asked_of(task, tiny=tiny), Asked("random", 25 if tiny else _LONG, 4 if tiny else _WATCHED)
    rows = Rows(out / f"{family[0].name}.jsonl")
    context = get_context("spawn")
    with (
        ProcessPoolExecutor(_MAKERS, context) as makers,
        ProcessPoolExecutor(1, context) as askers,
        ThreadPoolExecutor(_COMPILERS) as compilers,
    ):
        ensemble = Ensemble(family, compilers, makers)
        scorer = Scorer(ensemble.shapes.model, find_task(task).rows, compilers)
        scorer.compile_ahead(watched.size)
        questions = {one: askers.submit(question_arrays, task, one) for one in asked}
        for one in asked:
            scorer.compile_ahead(question_length(task, one))
        promising = _train(ensemble, scorer, rows, watched, train_by)
        rows.add(
            kind="trained",
            recipes={recipe.name: plain(config) for recipe, config in zip(family, ensemble.configs, strict=True)},
            step=ensemble.step,
            seconds=ensemble.seconds,
            device=jax.devices()[0].device_kind,
            cores=devices.cores(),
            versions=devices.versions(),
            since_start=time.time() - started,
        )
        _keep(ensemble, out)
        for one in asked:
            grids, targets, length = questions[one].result()
            chosen = promising if length > watched.size else list(range(len(ensemble.members)))
            if time.time() > end_by:
                return
            if chosen:
                began = time.time()
                wrong = scorer.wrong(ensemble.learner.model, chosen, grids, targets)
                _tell(rows, ensemble, chosen, wrong, suite=one.suite, size=one.size, length=length)
                rows.add(kind="asked", suite=one.suite, size=one.size, seconds=time.time() - began)
        rows.add(kind="end", since_start=time.time() - started)


def _train(ensemble: Ensemble, scorer: Scorer, rows: Rows, watched: Asked, train_by: float) -> list[int]:
    """Trains until every rate has fallen to 0, or until the time is over.

    Returns:
        The places of the seeds that are not wrong on most of the watched inputs.
    """
    epoch = ensemble.configs[0].epoch
    error: dict[int, float] = {}
    while not all(ensemble.ended) and time.time() < train_by:
        began, waited_before = time.time(), ensemble.waited
        for told in ensemble.epoch():
            rows.add(kind="epoch", seconds=round(ensemble.seconds, 2), **told)
        opened = ensemble.opened()
        if opened:
            grids, targets, length = question_arrays(ensemble.recipes[0].task, watched, ensemble.step)
            half = len(targets) // 2
            for weights, models, taken in (("last", ensemble.learner.model, None), ("average", ensemble.average, half)):
                wrong = scorer.wrong(models, opened, grids[:taken], targets[:taken])
                _tell(rows, ensemble, opened, wrong, suite="watched", size=length, length=length, weights=weights)
                if weights == "last":
                    error = dict(zip(opened, wrong.mean(axis=1).tolist(), strict=True))
        waited, before = ensemble.waited - waited_before, time.time()
        ensemble.end_by(ensemble.step + int(_LEFT * epoch * (train_by - before) / (before - began - waited)))
    return [place for place, share in error.items() if share < _PROMISING]


def _tell(rows: Rows, ensemble: Ensemble, chosen: list[int], wrong: np.ndarray, **labels: Any) -> None:
    for place, of_seed in zip(chosen, wrong, strict=True):
        recipe, seed = ensemble.members[place]
        rows.add(
            kind="row",
            recipe=ensemble.recipes[recipe].name,
            seed=seed,
            step=ensemble.step,
            **labels,
            count=len(of_seed),
            wrong=int(of_seed.sum()),
        )


def _keep(ensemble: Ensemble, out: Path) -> None:
    """Writes a run directory for every seed, with its settings in JSON."""
    whole = jax.device_get(ensemble.learner)
    for place, (recipe, seed) in enumerate(ensemble.members):
        config = replace(ensemble.configs[recipe], seeds=(seed,))
        folder = out / "runs" / f"{ensemble.recipes[recipe].name}-{seed}"
        standing = Standing(
            ensemble.step,
            [ensemble.controls[place]],
            [[EpochSums()]],
            [] if ensemble.ended[place] else [0],
            {str(seed): ensemble.diverged[place]} if place in ensemble.diverged else {},
            ensemble.seconds / len(ensemble.members),
        )
        state = asdict(standing)
        learner = jax.tree.map(partial(_slice, place), whole)
        save(folder / "checkpoints", Checkpoint(state.pop("step"), named_arrays(learner), state))
        (folder / "config.json").write_text(json.dumps(plain(config)), encoding="utf-8")


def _slice(place: int, leaf: np.ndarray) -> np.ndarray:
    return leaf[place : place + 1]

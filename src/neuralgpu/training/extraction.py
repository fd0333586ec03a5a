"""One seed of a run as a run of its own."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuralgpu.checkpoint import Checkpoint, load_latest, save
from neuralgpu.config import RunConfig
from neuralgpu.errors import DamagedRunError, UserError, shown
from neuralgpu.rows import append_lines, read_lines
from neuralgpu.run_directory import RunDirectory, check_place, create_run
from neuralgpu.run_lock import locked
from neuralgpu.training.standing import Standing, standing_of


def extract(run: RunDirectory, seed: int, path: Path, *, force: bool) -> tuple[RunDirectory, list[str]]:
    """Makes a run directory that holds what one seed of a run has learned, logged and been judged with so far.

    The new run goes on as the seed would have: its inputs and noise follow from its number and the step alone.

    Returns:
        The new run, and one warning for every newer checkpoint that was damaged.

    Raises:
        UserError: the run has no such seed, or something is at the path and `force` is off.
        BusyRunError: another process holds the run at the path.
        DamagedRunError: the run cannot be read.
        StorageError: the disk refused.
    """
    config = run.config()
    if seed not in config.seeds:
        raise UserError(f"{run.path} has no seed {seed}; it has {shown(list(config.seeds))}.")
    if path.resolve() == run.path.resolve():
        raise UserError(f"{path} is the run itself; give the new run another --out.")
    check_place(path)
    with locked(path):
        return _taken_out(run, config, seed, path, force=force)


def _taken_out(
    run: RunDirectory, config: RunConfig, seed: int, path: Path, *, force: bool
) -> tuple[RunDirectory, list[str]]:
    checkpoint, warnings = load_latest(run.checkpoints)
    standing, index = standing_of(checkpoint, config), config.seeds.index(seed)
    if any(array.shape[:1] != (len(config.seeds),) for array in checkpoint.arrays.values()):
        raise DamagedRunError(f"The newest checkpoint of {run.path} does not hold an array for every seed.")
    taken = create_run(path, replace(config, seeds=(seed,)), force=force)
    for source, target in (
        (run.events_file, taken.events_file),
        (run.results_file, taken.results_file),
        (run.examples_file, taken.examples_file),
    ):
        kept = [record for record in read_lines(source) if record.get("seed", seed) == seed]
        if kept:
            append_lines(target, [_of_one(record, seed) for record in kept])
    arrays = {name: array[index : index + 1] for name, array in checkpoint.arrays.items()}
    save(taken.checkpoints, Checkpoint(checkpoint.step, arrays, _state_of(standing, index, seed)))
    taken.append_event("extract", checkpoint.step, run=run.path.name)
    return taken, warnings


def _of_one(record: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {**record, "seeds": [seed]} if "seeds" in record else dict(record)


def _state_of(standing: Standing, index: int, seed: int) -> dict[str, Any]:
    alone = replace(
        standing,
        controls=[standing.controls[index]],
        sums=[standing.sums[index]],
        learning=[0] if index in standing.learning else [],
        diverged={name: step for name, step in standing.diverged.items() if name == str(seed)},
    )
    return {name: value for name, value in asdict(alone).items() if name != "step"}

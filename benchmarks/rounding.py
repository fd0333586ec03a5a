"""What nets answer whose state is rounded after every step, beside the same nets without.

    python benchmarks/rounding.py RUN [RUN ...] [--rounding 0,2,4] [--ask SUITE:SIZE:COUNT ...] [--json]

Every seed of every run is asked the same inputs; the runs have one task and differ in their weights alone. The size is
the suite's own, as `neuralgpu suites` has it.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from asking import Asked, asking_parser

from neuralgpu import devices
from neuralgpu.errors import UserError
from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.evaluation.score import wrong_answers
from neuralgpu.run_directory import open_run


def roundings(text: str) -> list[int]:
    """Reads the roundings of the command line.

    Raises:
        argparse.ArgumentTypeError: they are none.
    """
    if not re.fullmatch(r"\d{1,4}(,\d{1,4})*", text):
        raise argparse.ArgumentTypeError(f"give numbers such as 0,2,4, not {text!r}")
    return list(map(int, text.split(",")))


def together(runs: Sequence[TrainedModels]) -> TrainedModels:
    """Returns all the seeds of some runs as those of one.

    Raises:
        UserError: the runs differ in more than their weights.
    """
    first = runs[0]
    for other in runs[1:]:
        if (other.task.name, other.config) != (first.task.name, first.config):
            raise UserError(f"{other.run} and {first.run} differ in their task, or in the settings of their models.")
    seeds = tuple(seed for run in runs for seed in run.seeds)
    return replace(
        first, model=jax.tree.map(lambda *leaves: np.concatenate(leaves), *(m.model for m in runs)), seeds=seeds
    )


def answered(
    runs: Sequence[TrainedModels], questions: Sequence[Asked], roundings: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yields how many answers are wrong, for one question and rounding after the other.

    Raises:
        UserError: the runs differ in more than their weights, or a suite has no such inputs.
    """
    models, names = together(runs), [f"{run.run}/{seed}" for run in runs for seed in run.seeds]
    for one in questions:
        examples, length = one.drawn(models.task)
        for rounding in roundings:
            model = replace(models.model, config=replace(models.config, rounding=rounding))
            wrong = wrong_answers(replace(models, model=model), examples, length)
            yield {
                "suite": one.suite,
                "size": one.size,
                "count": len(examples),
                "rounding": rounding,
                "seeds": len(wrong),
                "right": int(np.sum(~wrong.any(axis=1))),
                "wrong": dict(zip(names, wrong.sum(axis=1).tolist(), strict=True)),
            }


def main() -> int:
    """Runs the command line."""
    parser = asking_parser(__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directories")
    parser.add_argument("--rounding", type=roundings, default="0,2,4", help="multiples of 1 / N, 0 for none (0,2,4)")
    arguments = parser.parse_args()
    devices.configure()
    try:
        runs = [load_models(open_run(run)) for run in dict.fromkeys(arguments.runs)]
        for found in answered(runs, arguments.ask, arguments.rounding):
            if arguments.json:
                print(json.dumps(found), flush=True)
                continue
            wrong = ", ".join(f"{name}: {count}" for name, count in found["wrong"].items() if count)
            what = f"{found['suite']} {found['size']}, rounding {found['rounding']}"
            print(
                f"{what}: {found['right']} of {found['seeds']} seeds right; wrong of {found['count']}: {wrong or '-'}"
            )
    except UserError as error:
        print(f"rounding.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

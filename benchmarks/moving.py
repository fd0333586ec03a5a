"""What it gains to compute only where rounded states move: both forms of the same evaluation, side by side.

    python benchmarks/moving.py RUN [--ask SUITE:SIZE:COUNT ...] [--json]

The run's models need a rounding; one that has none is given eighths. The first call of each form compiles and is not
counted. The size is the suite's own, as `neuralgpu suites` has it.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from asking import Asked, asking_parser

from neuralgpu import devices
from neuralgpu.errors import UserError
from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.model import neural_gpu
from neuralgpu.run_directory import open_run

_FROM = {"every position": sys.maxsize, "what moves": 1}
"""Positions from which an evaluation computes only what moves."""


def measured(models: TrainedModels, questions: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """Yields the seconds that both forms take for a question, and how many answers differ.

    Raises:
        UserError: a suite has no such inputs.
    """
    for one in questions:
        examples, length = one.drawn(models.task)
        seconds: dict[str, float] = {}
        answers: dict[str, np.ndarray] = {}
        for form, long in _FROM.items():
            with mock.patch.object(neural_gpu, "_LONG", long):
                asked = replace(models)  # compiles anew
                for _ in range(2):
                    started = time.perf_counter()
                    answers[form] = np.concatenate(list(asked.symbols(examples, length)), axis=1)
                    seconds[form] = time.perf_counter() - started
        yield {
            "suite": one.suite,
            "size": one.size,
            "length": length,
            "count": len(examples),
            "seeds": len(models.seeds),
            "seconds": seconds,
            "ratio": seconds["what moves"] / seconds["every position"],
            "differ": int(np.sum((answers["what moves"] != answers["every position"]).any(axis=2))),
        }


def main() -> int:
    """Runs the command line."""
    parser = asking_parser(__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    arguments = parser.parse_args()
    devices.configure()
    try:
        models = load_models(open_run(arguments.run))
        config = replace(models.config, rounding=models.config.rounding or 8)
        if not config.rests_in_parts:
            raise UserError(
                f"{models.run} reads more than a neighbourhood in a step; give a run without these settings."
            )
        for found in measured(replace(models, model=replace(models.model, config=config)), arguments.ask):
            if arguments.json:
                print(json.dumps(found), flush=True)
                continue
            shown = ", ".join(f"{form} {seconds:.2f} s" for form, seconds in found["seconds"].items())
            what = f"{found['suite']} {found['size']} ({found['length']} positions), {found['count']} inputs"
            print(f"{what}: {shown}, ratio {found['ratio']:.2f}; answers that differ: {found['differ']}", flush=True)
    except UserError as error:
        print(f"moving.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

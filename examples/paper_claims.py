"""Lists what a reproduction of the paper found to differ; needs no JAX.

neuralgpu reproduce all --scale smoke --out runs/paper-smoke
python examples/paper_claims.py runs/paper-smoke
"""

import sys
from pathlib import Path

from neuralgpu.experiments.registry import EXPERIMENTS
from neuralgpu.experiments.report import part_of
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.running import scale_of


def main(folder: Path) -> None:
    """Prints one line for each claim that differs."""
    scale = scale_of(folder)
    if scale is None:
        sys.exit(f"{folder} holds no reproduction; 'neuralgpu reproduce all --out {folder}' makes one.")
    for experiment in EXPERIMENTS.values():
        for claim in part_of(Results(folder), scale, experiment).claims:
            if claim.verdict == "differs":
                print(f"{experiment.name}: {claim.what}: paper {claim.paper}, here {claim.ours}. {claim.why}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/paper"))

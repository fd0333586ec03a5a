"""Trains a run whose process may take hardly more memory from some step on than it has then.

Run by fault_memory.py in a process of its own: SEEDS BATCH SHARE STEP DIRECTORY. SHARE is that of a step's memory which
may be taken after a step, 0 for no limit; what compiling takes is allowed besides. The run is interrupted on its way,
and resumed; one that is there already is only resumed.
"""

import resource
import sys
from pathlib import Path

from neuralgpu import devices
from neuralgpu.checkpoint import load_latest
from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.run_directory import create_run, open_run
from neuralgpu.training.loop import Trainer
from neuralgpu.training.placement import placement
from neuralgpu.training.step import lowered_gradient

_COMPILING = 128 << 20
"""Bytes: less than what separates a step from half of it, which is refused or not as if there were no compiler."""


def main(seeds: int, batch: int, share: float, after: int, directory: Path) -> None:
    """Trains six steps."""
    devices.configure()
    config = RunConfig(
        task="badd",
        seeds=tuple(range(seeds)),
        steps=6,
        batch=batch,
        epoch=2,
        memory="store",
        model=ModelConfig(cell="diagonal", channels=6, height=1, layers=1, copies=1, stop="bucket"),
        curriculum=CurriculumConfig(kind="buckets", max_length=20, min_length=3, start_length=20, buckets=(20,)),
        optimiser=OptimiserConfig(name="adamax", learning_rate=0.002),
    )
    divided = placement(seeds, batch)
    compiled = lowered_gradient(config, divided, 20).compile()
    allowed = int(share * divided.mesh.size * compiled.memory_analysis().temp_size_in_bytes)

    def limit(step: int) -> None:
        if step == after and share:
            taken = int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
            most = taken + allowed + _COMPILING
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    if directory.exists():
        run = open_run(directory)
    else:
        run = create_run(directory, config, force=False)
        trainer = Trainer(run, config, tell=lambda text: print(text, file=sys.stderr))
        limit(0)
        trainer.train(lambda progress: limit(progress.step), lambda: trainer.step == 3)
    Trainer(run, run.config(), load_latest(run.checkpoints)[0]).train(lambda progress: None, lambda: False)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    except UserError as error:
        print(f"neuralgpu: {error}", file=sys.stderr)
        sys.exit(error.exit_code)

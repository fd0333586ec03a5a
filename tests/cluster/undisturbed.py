"""Does the jobs of a sweep one after the other in this process, without Ray: what a sweep on Ray has to come to.

Arguments: the spec and the directory of the sweep.
"""

import sys
from pathlib import Path

from neuralgpu.cluster.directory import create_sweep
from neuralgpu.cluster.job import work
from neuralgpu.cluster.packing import packed
from neuralgpu.cluster.spec import grid, read_spec
from neuralgpu.cluster.sweep import this_machine


def main(spec_file: Path, path: Path) -> None:
    spec, values = read_spec(spec_file)
    jobs = packed(grid(spec), [this_machine()], spec.job)
    directory = create_sweep(path, values, jobs, [])
    for job in jobs:
        outcome = work(str(directory.path), directory.token, job.record(), job.cpus, lambda report: None)
        assert outcome.state == "done", outcome
    directory.merge([job.name for job in jobs])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

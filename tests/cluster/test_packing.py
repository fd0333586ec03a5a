import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from neuralgpu.cluster.packing import Job, Machine, fits, job_of, packed
from neuralgpu.cluster.spec import JobSpec, grid, sweep_spec
from neuralgpu.cost import training_bytes
from neuralgpu.errors import UserError

GB = 10**9
LAPTOP = Machine("laptop", 2, 0, 16 * GB)
SERVER = Machine("server", 64, 0, 256 * GB)
GPUS = Machine("gpus", 16, 4, 256 * GB, 80 * GB)


def jobs(numbers: str, *machines: Machine, more: str = "", **wish: Any) -> list[Job]:
    text = f'tasks = ["badd"]\npreset = "classic"\nseeds = "{numbers}"\n{more}'
    return packed(grid(sweep_spec(tomllib.loads(text))), machines, JobSpec(**wish))


def sizes(found: list[Job]) -> list[int]:
    return [len(job.config.seeds) for job in found]


@pytest.mark.parametrize("seeds", ["0..0", "0..14", "0..1120", "3,7,20..29"])
@pytest.mark.parametrize("machine", [LAPTOP, SERVER, GPUS], ids=lambda machine: machine.name)
def test_every_seed_is_in_one_job_which_fits_a_machine(seeds: str, machine: Machine) -> None:
    found = jobs(seeds, machine)
    numbers = [number for job in found for number in job.config.seeds]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == {"0..0": 1, "0..14": 15, "0..1120": 1121, "3,7,20..29": 12}[seeds]
    assert all(fits(job, machine) for job in found)
    assert len({job.name for job in found}) == len(found)
    assert max(sizes(found)) - min(sizes(found)) <= 1


def test_a_core_trains_one_seed() -> None:
    found = jobs("0..14", LAPTOP)
    assert sizes(found) == [1, 2, 2, 2, 2, 2, 2, 2]
    assert [job.cpus for job in found] == sizes(found)
    assert [job.name for job in found[:3]] == ["badd-classic-24/0", "badd-classic-24/1..2", "badd-classic-24/3..4"]
    [job] = jobs("0..14", LAPTOP, SERVER)
    assert (job.cpus, job.gpus, job.name) == (15, 0, "badd-classic-24/0..14")
    assert jobs("1,3", SERVER)[0].name == "badd-classic-24/1..3-2"


def test_gpus_share_the_seeds() -> None:
    found = jobs("0..14", GPUS)
    assert (sizes(found), {job.gpus for job in found}) == ([3, 4, 4, 4], {1})
    assert {job.gpus for job in jobs("0..14", GPUS, gpus=0)} == {0}


def test_seeds_together_fit_the_memory() -> None:
    tight = replace(GPUS, gpus=1, gpu_memory=GB)
    found = jobs("0..99", tight)
    most = found[-1].config
    resting = training_bytes(replace(most, seeds=(0,)), 1) * 2 - training_bytes(replace(most, seeds=(0, 1)), 2)
    assert training_bytes(most, len(most.seeds)) - resting <= 0.7 * GB
    assert len(most.seeds) > 1
    small = replace(SERVER, memory=2 * GB)
    wide = jobs("0..9", small, more="channels = [128]")
    assert sizes(wide) == [1] * 10


def test_seeds_that_padding_would_tie_are_trained_alone() -> None:
    assert set(sizes(jobs("0..4", SERVER, more='[settings]\nmodel.batch_norm = "masked"'))) == {1}


def test_wishes_are_followed() -> None:
    found = jobs("0..5", LAPTOP, seeds=3, cpus=1, memory="2GB")
    assert [(len(job.config.seeds), job.cpus, job.memory) for job in found] == [(2, 1, 2 * GB)] * 3
    assert [(len(job.config.seeds), job.cpus) for job in jobs("0..5", SERVER, seeds=3, cpus=1)] == [(3, 1)] * 2


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({"memory": "100GB"}, "2 cores and 100 GB (laptop has 2 cores and 16 GB)"),
        ({"cpus": 3, "memory": "1GB"}, "3 cores and 1 GB (laptop"),
        ({"gpus": 1}, "1 core, 1 GPU and 4 GB (laptop"),
    ],
)
def test_a_job_that_no_machine_has_room_for_is_refused(wish: dict[str, Any], asked: str) -> None:
    with pytest.raises(UserError) as refused:
        jobs("0..1", LAPTOP, **wish)
    assert str(refused.value).startswith("No machine has what badd-classic-24/0")
    assert asked in str(refused.value)
    assert str(refused.value).endswith("; add such a machine, or make the job smaller in [job].")


def test_a_job_survives_being_written() -> None:
    for job in jobs("0..3", LAPTOP, more="[evaluate]\nlengths = [9]\ncarries = [3]\nseed = 5"):
        assert job_of(json.loads(json.dumps(job.record()))) == job
        assert job.judging_seed == 5

"""A step that does not fit into memory is made with fewer seeds, or fewer inputs, at once; the run learns the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest

from neuralgpu import devices
from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError
from neuralgpu.training import shortage
from neuralgpu.training.ensemble import Ensemble
from neuralgpu.training.objective import Examples, Report, Weights
from neuralgpu.training.placement import placement
from neuralgpu.training.shortage import smaller

from .runs import started, trained

pytestmark = pytest.mark.usefixtures("shared_steps")
Step = Callable[[Ensemble, Sequence[tuple[Examples, ...]], Sequence[Weights]], list[tuple[Report, ...]]]


def test_seeds_are_halved_and_then_inputs(cgru_config: RunConfig) -> None:
    config: RunConfig | None = replace(cgru_config, seeds=(0, 1, 2, 3), batch=8)
    found = []
    while config := smaller(config, placement(4, config.batch, jax.devices("cpu")[:2], config.group)):
        found.append((config.group, config.microbatch))
    # A seed's batch of eight is split over the two devices before it is worked on in parts.
    assert found == [(1, 0), (1, 2), (1, 1)]
    assert smaller(replace(cgru_config, batch=4), placement(15, 4, jax.devices("cpu")[:1])) is not None


def test_a_batch_that_is_normalised_whole_is_not_split(cgru_config: RunConfig) -> None:
    normalised = replace(cgru_config, seeds=(0,), model=replace(cgru_config.model, batch_norm="masked"))
    assert smaller(normalised, placement(1, 4, jax.devices("cpu")[:1])) is None


def failing(step: Step, when: Callable[[Ensemble, int], bool]) -> Step:
    """Returns a step that runs out of memory after its buffers were given away, as a device may."""
    calls = [0]

    def run(self: Ensemble, inputs: Any, weights: Any) -> Any:
        calls[0] += 1
        reports = step(self, inputs, weights)
        if when(self, calls[0]):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 4096 bytes.")
        return reports

    return run


@pytest.mark.parametrize("at", [1, 4])
def test_a_split_run_learns_what_a_whole_one_does(
    tmp_path: Path, cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    config = cgru_config
    whole = trained(started(tmp_path / "whole", config), config)
    run = started(tmp_path / "split", config)
    monkeypatch.setattr(Ensemble, "step", failing(Ensemble.step, lambda _, call: call == at))
    stopped = trained(run, config, stop_at=5)
    assert run.config() == replace(config, group=1), "so that a resume keeps it"
    split = trained(run, run.config(), stopped.checkpoint)
    [memory] = [event for event in split.events if event["event"] == "memory"]
    # The state before a step of a new length is kept; before others it is the epoch's first.
    assert memory["step"] < at
    assert memory == {
        "event": "memory",
        "step": memory["step"],
        "group": 1,
        "microbatch": 0,
        "error": "RESOURCE_EXHAUSTED: Out of memory allocating 4096 bytes.",
    }
    assert split.finished
    for name, array in whole.checkpoint.arrays.items():
        assert split.checkpoint.arrays[name] == pytest.approx(array, rel=1e-4, abs=1e-5)
    kinds = [[(event["event"], event["step"], event.get("seed")) for event in ended.events] for ended in (whole, split)]
    assert [kind for kind in kinds[1] if kind[0] != "memory"] == kinds[0]


def test_one_input_of_one_seed_that_does_not_fit_is_an_error(
    tmp_path: Path, cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(cgru_config, seeds=(0,), batch=2)
    monkeypatch.setattr(shortage, "available_bytes", lambda: 5000)
    run = started(tmp_path / "run", config)
    with pytest.raises(
        UserError,
        match=r"^One seed alone, one input at once, does not fit into memory \(it needs .*B, 5 kB are available\); use",
    ):
        trained(run, config)


def test_other_errors_are_not_taken_for_a_shortage(
    tmp_path: Path, cgru_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    monkeypatch.setattr(Ensemble, "step", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        trained(started(tmp_path / "run", cgru_config), cgru_config)


def test_what_memory_there_is_is_the_least_of_what_bounds_it(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:  4000 kB\nMemAvailable:   3000 kB\n",
        "proc/self/cgroup": "0::/jobs/7\n",
        "sys/fs/cgroup/jobs/7/memory.max": "2000000\n",
        "sys/fs/cgroup/jobs/7/memory.current": "900000\n",
        "sys/fs/cgroup/jobs/7/memory.stat": "anon 1\ninactive_file 100000\n",
    }
    assert devices.available_bytes(tmp_path) is None
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert devices.available_bytes(tmp_path) == 1_200_000
    (tmp_path / "sys/fs/cgroup/jobs/7/memory.max").write_text("max\n", encoding="utf-8")
    assert devices.available_bytes(tmp_path) == 3_072_000

"""neuralgpu checkpoint ls, verify and prune."""

import json
import shutil
import time
from pathlib import Path

import pytest

from neuralgpu.checkpoint import Checkpoint, save
from neuralgpu.run_lock import locked

from .conftest import RunCli


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be written to."""
    return shutil.copytree(trained, tmp_path / "run")


def damage(run: Path, step: int) -> Path:
    file = run / "checkpoints" / f"{step:08d}" / "arrays.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    return file


def saved(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_ls_shows_each(run_cli: RunCli, run: Path) -> None:
    damage(run, 58)
    ended = run_cli("checkpoint", "ls", run)
    assert (ended.status, ended.err) == (0, "")
    header, damaged, whole = ended.out.splitlines()
    assert header.split() == ["step", "saved", "size", "seeds", "state"]
    assert damaged.split()[0] == "58"
    assert damaged.endswith("arrays.safetensors is damaged: it differs from its SHA-256 in manifest.json.")
    assert (whole.split()[0], whole.split()[-2:]) == ("60", ["2", "whole"])
    assert header.index("state") == damaged.index("arrays.safetensors") == whole.index("whole")


def test_ls_names_the_seeds_that_diverged(run_cli: RunCli, run: Path) -> None:
    save(run / "checkpoints", Checkpoint(62, {}, {"diverged": {"1": 61}}))
    assert run_cli("checkpoint", "ls", run).out.splitlines()[-1].endswith("2, 1 diverged  whole")
    newest = json.loads(run_cli("checkpoint", "ls", run, "--json").out.splitlines()[-1])
    assert (newest["seeds"], newest["diverged"]) == ([0, 1], {"1": 61})


@pytest.mark.parametrize("command", ["ls", "verify"])
def test_json_tells_the_same(run_cli: RunCli, run: Path, command: str) -> None:
    file = damage(run, 60)
    ended = run_cli("checkpoint", command, run, "--json")
    assert ended.status == (3 if command == "verify" else 0)
    older, newer = map(json.loads, ended.out.splitlines())
    assert list(older) == ["step", "path", "saved", "bytes", "seeds", "diverged", "whole", "damage"]
    assert (older["step"], older["whole"], older["damage"]) == (58, True, None)
    assert older["bytes"] == sum(path.stat().st_size for path in Path(older["path"]).iterdir())
    assert abs(older["saved"] - time.time()) < 3600
    assert (newer["step"], newer["whole"]) == (60, False)
    assert newer["damage"].startswith(f"{file} is damaged")


def test_verify_is_content_with_whole_ones(run_cli: RunCli, trained: Path) -> None:
    ended = run_cli("checkpoint", "verify", trained)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == run_cli("checkpoint", "ls", trained).out


@pytest.mark.parametrize("step", [58, 60])
def test_verify_names_what_is_damaged_and_what_would_be_used(run_cli: RunCli, run: Path, step: int) -> None:
    file = damage(run, step)
    ended = run_cli("checkpoint", "verify", run)
    assert ended.status == 3
    assert ended.err == (
        f"neuralgpu: {file} is damaged: it differs from its SHA-256 in manifest.json. The checkpoint of step "
        f"{118 - step} would be used; 'neuralgpu checkpoint prune {run}' removes the damaged ones.\n"
    )


def test_verify_where_none_is_whole(run_cli: RunCli, run: Path) -> None:
    damage(run, 58)
    damage(run, 60)
    ended = run_cli("checkpoint", "verify", run)
    assert ended.status == 3
    assert ended.err.endswith("No whole checkpoint is left; train again with --force.\n")
    refused = run_cli("checkpoint", "prune", run)
    assert refused.status == 3
    assert "nothing was removed" in refused.error
    assert saved(run) == ["00000058", "00000060"]


def test_a_run_that_has_saved_nothing(run_cli: RunCli, run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    listed = run_cli("checkpoint", "ls", run)
    assert (listed.status, listed.out, listed.err) == (0, "", f"{run} has saved no checkpoint.\n")
    assert run_cli("checkpoint", "verify", run).error == f"{run} has saved no checkpoint; train again with --force."
    assert run_cli("checkpoint", "verify", run).status == 3


def test_prune_says_what_it_removed(run_cli: RunCli, run: Path) -> None:
    shutil.copytree(run / "checkpoints" / "00000058", run / "checkpoints" / "00000056")
    shutil.copytree(run / "checkpoints" / "00000058", run / "checkpoints" / ".00000062.partial")
    ended = run_cli("checkpoint", "prune", run)
    assert (ended.status, ended.err) == (0, "")
    first, freed = ended.out.splitlines()
    assert first == "Removed the checkpoint of step 56: it was damaged."
    assert freed.endswith("kB freed.")
    assert saved(run) == ["00000058", "00000060"]
    assert run_cli("checkpoint", "prune", run).out == "0 B freed.\n"
    ended = run_cli("checkpoint", "prune", run, "--keep", 1)
    assert ended.out.startswith("Removed the checkpoint of step 58: it is older than the 1 to be kept.\n")
    assert saved(run) == ["00000060"]


def test_a_run_that_is_being_trained_is_not_pruned(run_cli: RunCli, run: Path) -> None:
    with locked(run):
        ended = run_cli("checkpoint", "prune", run, "--keep", 1)
    assert ended.status == 5
    assert "is being trained by process" in ended.error
    assert saved(run) == ["00000058", "00000060"]

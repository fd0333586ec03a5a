"""The settings in which runs, files and presets differ."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.model.config import ModelConfig
from neuralgpu.run_directory import create_run
from neuralgpu.settings import run_config

from .conftest import RunCli
from .test_commands import parsed


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs that differ in four settings."""
    first = RunConfig(task="badd", steps=60)
    second = RunConfig(
        task="badd",
        steps=90,
        seeds=tuple(range(100)),
        model=ModelConfig(cell="diagonal"),
        curriculum=CurriculumConfig(max_length=21),
    )
    paths = tmp_path / "first", tmp_path / "second"
    for path, config in zip(paths, (first, second), strict=True):
        create_run(path, config, force=False)
    return paths


def differing(records: list[dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    return {record["setting"]: (record["a"], record["b"]) for record in records}


def test_two_runs(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    found = differing(parsed(run_cli("config", "diff", *two, "--json")))
    assert found == {
        "steps": (60, 90),
        "seeds": ([0], [*range(100)]),
        "model.cell": ("cgru", "diagonal"),
        "curriculum.max_length": (41, 21),
    }
    header, *lines = run_cli("config", "diff", *two).out.splitlines()
    assert header.split() == ["setting", *map(str, two)]
    assert [line.split()[0] for line in lines] == ["seeds", "steps", "model.cell", "curriculum.max_length"]
    assert lines[0].endswith("  [0, 1, 2, 3, 4, 5, ...]")
    assert lines[2].split() == ["model.cell", '"cgru"', '"diagonal"']
    assert len({line.index(value) for line, value in zip(lines, ("[0, 1", "90", '"dia', "21"), strict=True)}) == 1


def test_the_same_settings(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    ended = run_cli("config", "diff", two[0], two[0])
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"{two[0]} and {two[0]} have the same settings.\n"
    assert parsed(run_cli("config", "diff", two[0], two[0], "--json")) == []


def test_a_run_and_the_preset_that_it_started_from(run_cli: RunCli, trained: Path) -> None:
    found = differing(parsed(run_cli("config", "diff", "fast", trained, "--json")))
    assert found.keys() >= {"seeds", "steps", "epoch", "batch", "model.channels", "optimiser.schedule"}
    assert "preset" not in found
    assert "carry_share" not in found
    assert found["model.channels"] == (48, 4)


def test_a_preset_is_that_of_the_task(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    def noise(*arguments: object) -> object:
        return tomllib.loads(run_cli("config", "show", *arguments).out)["model"]["noise"]

    assert (noise("fast"), noise("fast", "--task", "bmul")) == (0.1, 0.05)
    shares = [parsed(run_cli("config", "diff", "fast", *rest, "--json")) for rest in (two[:1], ["classic"])]
    assert all(differing(records)["carry_share"] == (0.3, 0.0) for records in shares)


def test_a_file_is_laid_over_its_preset(run_cli: RunCli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("preset = 'classic'\nseeds = [4, 5]\nmodel.channels = 32\n", encoding="utf-8")
    found = differing(parsed(run_cli("config", "diff", file, "classic", "--json")))
    assert found == {"seeds": ([4, 5], [0]), "model.channels": (32, 24)}


@pytest.mark.parametrize("text", ["seeds = 1979-05-27", "seeds = [nan]", "preset = [1]", "model = 1"])
def test_a_file_with_impossible_settings(run_cli: RunCli, tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    ended = run_cli("config", "show", file)
    assert ended.status == 2
    assert text.split()[0] in ended.error


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_shown_makes_the_same_run(run_cli: RunCli, trained: Path, as_json: bool) -> None:
    if as_json:
        [settings] = parsed(run_cli("config", "show", trained, "--json"))
    else:
        settings = tomllib.loads(run_cli("config", "show", trained).out)
    assert run_config(settings) == run_config(tomllib.loads((trained / "config.toml").read_text(encoding="utf-8")))


def test_a_path_is_told_from_a_preset_by_its_slash(
    run_cli: RunCli, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    two[0].rename(two[0].with_name("fast"))
    monkeypatch.chdir(two[0].parent)
    [preset], [run] = (parsed(run_cli("config", "show", given, "--json")) for given in ("fast", "./fast"))
    assert (preset["preset"], run["preset"]) == ("fast", "classic")

"""Runs the command line in this process, on a run that is trained once."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

import neuralgpu
from neuralgpu.cli import main

TINY = [
    "badd",
    *("--seeds", "2", "--steps", "60"),
    *("--set", "epoch=2", "--set", "batch=2", "--set", "model.channels=4"),
    *("--set", "optimiser.schedule=published"),
    *("--set", "curriculum.buckets=[8]", "--set", "curriculum.max_length=8", "--set", "curriculum.start_length=8"),
]
"""Trains in a second once it is compiled; an epoch is two steps, so that it saves often."""

PROGRAM = [sys.executable, "-c", "from neuralgpu.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1])}
"""For processes of their own: the package that is tested, whatever is installed."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a refused command writes."""
        assert self.out == ""
        assert self.err.endswith("\n")
        [line] = self.err.splitlines()
        assert line.startswith("neuralgpu: ")
        return line.removeprefix("neuralgpu: ")


RunCli = Callable[..., Ended]


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Runs a command line in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["neuralgpu", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Ended(left.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def compiled_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which this process and those that it starts share what they compile."""
    folder = tmp_path_factory.mktemp("compiled")
    wanted = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in wanted}
    for name, value in wanted.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield folder
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_cli(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts a command line in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, cached: bool = True) -> subprocess.Popen[str]:
        environment = dict(ENVIRONMENT)
        if cached:
            environment |= {
                "JAX_COMPILATION_CACHE_DIR": str(request.getfixturevalue("compiled_programs")),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def trained(compiled_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the tiny training; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["neuralgpu", "train", *TINY, "--out", str(path)])
        with pytest.raises(SystemExit) as left:
            main()
    assert left.value.code == 0
    return path

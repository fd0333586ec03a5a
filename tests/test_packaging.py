"""What the project says of itself agrees: metadata, locks and the page on dependencies."""

import importlib.metadata
import importlib.resources
import re
import tomllib
from pathlib import Path

import pytest

import neuralgpu

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {name: (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in ("run", "dev")}
WANTED = {
    "run": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]],
    "dev": PROJECT["dependency-groups"]["dev"],
}


def package_name(requirement: str) -> str:
    """Returns the name at the head of a requirement, "jax" of "jax[cuda13]>=0.10.2", in lower case as locks have it."""
    match = re.match(r"[\w-]+", requirement)
    assert match is not None, requirement
    return match.group().lower()


def entries(lock: str) -> list[str]:
    """Returns each package of a lock with its version, marker and hashes."""
    body = "\n".join(line for line in lock.splitlines() if not line.startswith("#"))
    return re.split(r"\n(?=\S)", body.strip())


def test_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("neuralgpu") == neuralgpu.__version__


def test_type_marker_is_part_of_the_package() -> None:
    assert (importlib.resources.files("neuralgpu") / "py.typed").is_file()


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_every_package_by_version_and_hash(name: str) -> None:
    pinned = re.compile(r"[\w.-]+==\S+( ; [^\\]+?)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries(LOCKS[name]) if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_address_and_no_folder(name: str) -> None:
    assert re.findall(r".*(?:://|index-url|find-links|file:|/).*", LOCKS[name]) == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_covers_the_declared_dependencies(name: str) -> None:
    locked = {package_name(entry) for entry in entries(LOCKS[name])}
    assert {package_name(requirement) for requirement in WANTED[name]} - locked == set()


def test_development_lock_contains_the_run_lock() -> None:
    assert set(entries(LOCKS["run"])) - set(entries(LOCKS["dev"])) == set()


def test_every_python_gets_the_same_jax() -> None:
    first_lines = [entry.split(" \\\n")[0] for entry in entries(LOCKS["run"]) if entry.startswith("jax==")]
    assert len(first_lines) == 1
    assert ";" not in first_lines[0]  # no marker that leaves a Python version out


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(map(str.lower, re.findall(r"^\| ([\w-]+) \|", page, flags=re.MULTILINE))) - {"library"}
    assert explained == {package_name(requirement) for group in WANTED.values() for requirement in group}

"""Nothing that is loaded runs code: no pickle, and nothing that is one inside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = re.compile(
    r"\b(c?pickle|_pickle|cloudpickle|jsonpickle|dill|shelve|marshal|joblib)\b|\btorch\.(load|save)\b|\ballow_pickle\b"
    r"|\byaml\.(unsafe_|full_)?load\b",
    flags=re.IGNORECASE,
)
SOURCES = [
    file
    for folder in ("src", "tests", "benchmarks", "examples", "docs")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if file != Path(__file__)
]


def test_no_source_speaks_of_one() -> None:
    assert len(SOURCES) > 150
    found = {
        str(file.relative_to(ROOT)): hit[0]
        for file in SOURCES
        if (hit := FORBIDDEN.search(file.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        *(f"import {name}" for name in ("pickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib")),
        "from pickle import loads",
        "import torch\n\ntorch.load('weights')",
    ],
)
def test_the_linter_bans_it(text: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--quiet", "--stdin-filename", "src/neuralgpu/new.py", "-"],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert checked.returncode == 1
    assert "TID251" in checked.stdout

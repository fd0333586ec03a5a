"""The README and the pages speak of what is there."""

import re
from pathlib import Path

import pytest

from neuralgpu.cli.app import COMMANDS
from neuralgpu.evaluation.suites import find_suite, suite_names
from neuralgpu.settings import preset_names
from neuralgpu.tasks import find_task

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_names_every_command(command: str) -> None:
    assert f"`neuralgpu {command}" in TEXTS["README.md"]


@pytest.mark.parametrize("page", TEXTS)
def test_commands_in_the_pages_exist(page: str) -> None:
    shown = "".join(re.findall(r"^```\n(.*?)^```", TEXTS[page], flags=re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"^(?:\.venv/bin/)?neuralgpu ([a-z]+)", shown, flags=re.MULTILINE))
    assert named <= {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("page", TEXTS)
def test_tasks_and_presets_in_the_pages_exist(page: str) -> None:
    for name in re.findall(r"neuralgpu (?:train|sample) ([a-z0-9]+)", TEXTS[page]):
        assert find_task(name).name == name
    assert set(re.findall(r"--preset ([a-z]+)", TEXTS[page])) <= set(preset_names())


@pytest.mark.parametrize("page", TEXTS)
def test_every_code_block_of_python_runs(page: str) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", TEXTS[page], flags=re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), {})


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", TEXTS[page]):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_page_on_judging_has_every_suite_as_it_is() -> None:
    page = TEXTS["docs/judging.md"]
    for suite in map(find_suite, suite_names()):
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{suite.name}` |")]
        assert line.endswith(f"| {suite.about} | {suite.size_name} | {suite.source} |")

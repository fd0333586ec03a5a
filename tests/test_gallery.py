"""The gallery shows reports as they are written now."""

import re
import shutil
from pathlib import Path

import pytest

from neuralgpu.reporting.judgement import read_judgement
from neuralgpu.reporting.judgement_report import write_judgement_report
from neuralgpu.reporting.judgement_verdict import reach_judgement

DOCS = Path(__file__).parents[1] / "docs"
JUDGEMENTS = sorted(path.parent for path in (DOCS / "gallery").glob("*/judgement.json"))


@pytest.mark.parametrize("folder", JUDGEMENTS, ids=lambda folder: folder.name)
def test_the_page_quotes_the_verdict_and_links_to_the_report(folder: Path) -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    findings = read_judgement(folder)
    assert f"\n> {reach_judgement(findings).text}\n" in page
    assert f"\n{findings.record.command}\n" in page
    assert f"(gallery/{folder.name}/report.html)" in page


def without_figures(page: str) -> str:
    """Leaves out what the fonts and floats of a machine decide."""
    return re.sub("<svg.*?</svg>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("folder", JUDGEMENTS, ids=lambda folder: folder.name)
def test_the_reports_are_what_is_written_now(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "judgement")
    for written in write_judgement_report(copy):
        kept = (folder / written.name).read_text(encoding="utf-8")
        now = written.read_text(encoding="utf-8").replace(str(copy), f"docs/gallery/{folder.name}")
        assert without_figures(now) == without_figures(kept)


def test_there_are_three() -> None:
    assert [folder.name for folder in JUDGEMENTS] == ["classic", "demo", "faulty-adder"]

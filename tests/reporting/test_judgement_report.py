"""The report of a judgement says what its rows say."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.errors import DamagedRunError, UserError
from neuralgpu.judgement_record import JudgementRecord
from neuralgpu.reporting.judgement import read_judgement
from neuralgpu.reporting.judgement_report import write_judgement_report
from neuralgpu.reporting.judgement_tables import suite_lines
from neuralgpu.reporting.judgement_verdict import reach_judgement
from neuralgpu.reporting.tail import fit_tail
from neuralgpu.rows import ResultRow, ThresholdRow, append_lines, append_rows

from .test_report import Page

Judged = Callable[..., Path]


def threshold(suite: str, size: int, met: int | None, seed: int | None = 1) -> ThresholdRow:
    return ThresholdRow(
        run="invented",
        seed=seed,
        step=2600,
        task="badd",
        layout="padded",
        suite=suite,
        size_name="carry length",
        size=size,
        threshold=met,
        below=None if met is None else met - 1,
        count=64,
        versions={"neuralgpu": "0.1.0"},
    )


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Writes a judgement of invented rows."""

    def write(
        rows: list[ResultRow],
        thresholds: list[ThresholdRow],
        zeros: list[dict[str, Any]] | None = None,
        counterexamples: list[dict[str, Any]] | None = None,
        **known: Any,
    ) -> Path:
        append_rows(tmp_path / "rows.jsonl", rows)
        append_lines(tmp_path / "thresholds.jsonl", map(asdict, thresholds))
        append_lines(tmp_path / "leading_zeros.jsonl", zeros or [])
        append_lines(tmp_path / "counterexamples.jsonl", counterexamples or [])
        record: dict[str, Any] = {
            "model": "runs/<invented>",
            "kind": "run",
            "task": "badd",
            "operation": "addition",
            "sign": "+",
            "base": 2,
            "layout": "padded",
            "command": "neuralgpu judge --run runs/invented",
            "test_seed": 0,
            "started": time.time(),
            "seconds": 66.0,
            "versions": {"neuralgpu": "0.1.0"},
            "device": "cpu",
            "cores": 2,
            "trained_to": 41,
            "trained_with": "neuralgpu train badd",
            "trained_on": "cpu, 2 cores",
            "trained_seconds": 180.0,
            "trained_seeds": [1],
            "step": 2600,
            "averaged": None,
            "seeds": [1],
            "diverged": {},
            "unanswered": {},
            "asked": 1000,
            "spent": {},
            "ended": None,
        }
        JudgementRecord(**(record | known)).write(tmp_path)
        return tmp_path

    return write


def zeros_of(seed: int | None, wrong: int) -> dict[str, Any]:
    pairs = [[a, b, 2 * a + b >= wrong] for a in range(2) for b in range(2)]
    return {"seed": seed, "averaged": None, "zeros": 99, "pairs": pairs}


COUNTEREXAMPLE = {
    "kind": "carry chain",
    "detail": "through 8 digits",
    "input": "00000001+11111111",
    "target": "00000000100000000",
    "output": "00000000000000000",
    "length": 17,
    "seed": 1,
    "seeds": [1],
    "found_by": "carry-low",
}


def test_without_a_fault_it_says_how_much_was_asked(judged: Judged, make_row: Callable[..., ResultRow]) -> None:
    folder = judged([make_row(count=512), make_row(suite="nines", count=512)], [threshold("random", 401, None)])
    verdict = reach_judgement(read_judgement(folder))
    assert verdict.tone == "good" and verdict.notes == ()
    assert verdict.text == (
        "Correct on random inputs up to length 401; no fault was found in 1,000 inputs of 2 suites."
    )


def test_what_only_a_search_found_is_told(judged: Judged, make_row: Callable[..., ResultRow]) -> None:
    folder = judged([make_row(count=512)], [], None, [COUNTEREXAMPLE])
    verdict = reach_judgement(read_judgement(folder))
    assert verdict.tone == "mixed"
    assert verdict.text == (
        "Correct on random inputs up to length 401; a search found 1 wrong input, the smallest of 17 symbols."
    )


def test_faults_are_named(judged: Judged, make_row: Callable[..., ResultRow]) -> None:
    rows = [
        make_row(length=41),
        make_row(),
        make_row(suite="carry-low", size=190, errors=256),
        make_row(suite="nines", errors=128),
        make_row(suite="sparse", errors=3),
    ]
    chains = [threshold("carry-low", 190, 23), threshold("carry-overflow", 190, 31), threshold("nines", 200, 60)]
    folder = judged(rows, chains, [zeros_of(1, 2)], [COUNTEREXAMPLE])
    verdict = reach_judgement(read_judgement(folder))
    assert verdict.tone == "mixed"
    assert verdict.text == (
        "Correct on random inputs up to length 401; loses carries from 23 digits on; "
        "fails on 2 of 4 pairs of single digits behind 99 zeros; fails on nines (up to 50.0%)."
    )
    assert ["sparse", "1.2%", "401", "not measured", "–", "0.4 to 3.4%", "256"] in suite_lines(read_judgement(folder))


def test_seeds_are_summed_up(judged: Judged, make_row: Callable[..., ResultRow]) -> None:
    rows = [make_row(seed=seed, errors=64 * (seed == 3)) for seed in (1, 2, 3)]
    rows += [make_row(seed=seed, suite="carry-low", size=190) for seed in (1, 2, 3)]
    chains = [threshold("carry-low", 190, met, seed) for seed, met in ((1, 20), (2, None), (3, 8))]
    folder = judged(rows, chains, [zeros_of(seed, seed - 1) for seed in (1, 2, 3)], seeds=[1, 2, 3])
    verdict = reach_judgement(read_judgement(folder))
    assert verdict.tone == "bad"
    assert verdict.text == (
        "3 seeds: 2 of 3 (20.8 to 93.9%) are below 1% on random inputs of length 401 "
        "(error: median 0.0%, worst 25.0%); "
        "carries are lost from 20 digits on in the median seed, from 8 digits on in the worst; "
        "fails on 1 in the median seed, 2 in the worst, of 4 pairs of single digits behind 99 zeros."
    )
    page = Page(write_judgement_report(folder)[0].read_text())
    assert "2 of 3 seeds lose carries; of the others it is known up to 190 digits." in page.text


def test_page_stands_alone_and_escapes(judged: Judged, make_row: Callable[..., ResultRow]) -> None:
    told = {**COUNTEREXAMPLE, "output": "<script>|`"}
    rows = [make_row(), make_row(suite="carry", size=190, errors=100, planned=512)]
    folder = judged(rows, [threshold("carry", 190, 11)], [zeros_of(1, 2)], [told], unanswered={"<timeout>": 3})
    html, markdown = (path.read_text() for path in write_judgement_report(folder))
    page = Page(html)
    assert "http:" not in html and "https:" not in html
    assert not {"script", "a", "link", "img"} & set(page.tags)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.tags.count("svg") == page.tags.count("figcaption") == 4
    assert "No answer was had to 3 inputs, which count as wrong: 3 <timeout>." in page.text
    assert "256 of 512" in page.text and "256 of 512" in markdown
    assert "`<script>\\|'`" in markdown and reach_judgement(read_judgement(folder)).text in markdown


def test_the_tail_is_hills() -> None:
    lengths = [round(10 / (1 - share / 1000) ** 0.5) for share in range(1000)]  # exponent 2
    tail = fit_tail(lengths)
    assert tail is not None and abs(tail.exponent - 2) < 3 * tail.error
    cut = fit_tail([size for size in lengths if size < 50], [50] * sum(size >= 50 for size in lengths))
    assert cut is not None and abs(cut.exponent - 2) < 3 * cut.error
    assert fit_tail([], [190, 190]) is None
    assert fit_tail([1] * 8) is None


def test_damage_is_told(judged: Judged, make_row: Callable[..., ResultRow], tmp_path: Path) -> None:
    folder = judged([make_row()], [])
    (folder / "counterexamples.jsonl").write_text(json.dumps({"input": "1+1"}) + "\n")
    with pytest.raises(DamagedRunError, match=r"counterexamples\.jsonl holds a line that no judgement writes"):
        read_judgement(folder)
    with pytest.raises(UserError, match="holds no judgement"):
        read_judgement(tmp_path / "nowhere")

"""What is concluded from invented results."""

import re
import shutil
from pathlib import Path

import pytest

from neuralgpu.cluster.packing import Job
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.experiments.claims import share
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.registry import EXPERIMENTS
from neuralgpu.experiments.report import write_report
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.running import open_folder
from neuralgpu.reporting.reproduction import Claim
from neuralgpu.tasks import find_task

from . import invented


def claims(folder: Path, name: str) -> dict[str, Claim]:
    return {claim.what: claim for claim in EXPERIMENTS[name].findings(Results(folder), "laptop").claims}


def test_a_share_is_held_against_the_interval() -> None:
    assert share("x", 0.5, 5, 10, 7, "why").verdict == "undecided"  # 24 to 76%
    assert share("x", 0.5, 10, 20, 7, "why").verdict == "agrees"
    differs = share("x", 0.5, 0, 20, 7, "why")
    assert (differs.verdict, differs.why, differs.ours) == ("differs", "why", "0 of 20 (0.0%)")
    assert differs.interval == "0.0 to 16.1%"


def test_figure_2_counts_trainings_over_tasks(tmp_path: Path) -> None:
    def wrong(job: Job, seed: int, suite: str, size: int) -> int:
        return 0 if size < 100 and job.config.task == "badde" else 20

    invented.done(tmp_path, EXPERIMENTS["fig2"], "laptop", wrong)
    found = claims(tmp_path, "fig2")
    trained = found["classic, 24 channels: trained to < 1% at length 41"]
    assert (trained.ours, trained.trainings, trained.steps) == ("2 of 4 (50.0%)", 4, 1400)
    assert found["classic, 24 channels: generalises to < 1% at length 201"].ours == "0 of 4 (0.0%)"
    assert found["classic, 128 channels: trained to < 1% at length 41"].verdict == "not run"
    prose = claims(tmp_path, "prose")
    assert prose["Seeds of one setting end differently: only a fraction generalises"].verdict == "undecided"


def test_a_job_that_is_missing_is_told(tmp_path: Path) -> None:
    values = EXPERIMENTS["fig4"].sweeps("laptop")["figure-4"]
    directory, jobs = invented.begin(tmp_path, "figure-4", values)
    invented.finish(directory, jobs[0], invented.nothing_wrong)
    for claim in claims(tmp_path, "fig4").values():
        assert claim.why == "1 of 3 jobs are done, none of this; the command above goes on."


@pytest.mark.parametrize(("layout", "verdict"), [("e", "agrees"), ("", "differs")])
def test_figure_7_orders_layouts_by_their_test_errors(tmp_path: Path, layout: str, verdict: str) -> None:
    def wrong(job: Job, seed: int, suite: str, size: int) -> int:
        return 0 if job.config.task == f"badd{layout}" else 12

    invented.done(tmp_path, EXPERIMENTS["fig7"], "laptop", wrong)
    found = claims(tmp_path, "fig7")
    assert found["Aligned addition is easier than padded (24 channels)"].verdict == verdict
    assert found["Padded multiplication is easier than aligned (24 channels)"].verdict == "undecided"


def test_figure_6_says_where_carries_are_lost(tmp_path: Path) -> None:
    def wrong(job: Job, seed: int, suite: str, size: int) -> int:
        held = {"badde": 20, "adde": 7, "baddet": 20, "addet": 30}[job.config.task]
        return 32 if suite == "carry" and size > held else 0

    invented.done(tmp_path, EXPERIMENTS["fig6"], "laptop", wrong)
    found = [*([8] * 17), 12, 40, None]
    [measurement] = EXPERIMENTS["fig6"].measurements("laptop")
    rows = [invented.threshold(seed, size) for seed, size in enumerate(found)]
    invented.measured(tmp_path, measurement.name, measurement.arguments, rows)
    told = {what: claim.verdict for what, claim in claims(tmp_path, "fig6").items()}
    numbers = paper("figure-6")
    assert told == {
        "Addition, binary, random: carries of more than 20 digits are lost": "agrees",
        "Addition, decimal, random: carries of more than 6 digits are lost": "agrees",
        "Addition, binary, carry-rich: carries of 20 digits are right, of 30 not": "agrees",
        "Addition, decimal, carry-rich: carries of 20 digits are right, of 30 not": "differs",
        "Decimal adders whose threshold is 7 to 9 digits": "agrees",
        "Decimal adders that carry 33 digits or more": "agrees",
        "Decimal adders that carry 52 digits or more": "agrees",
        "Trainings until one adder carries 1,000 digits, if the tail is a power law": "undecided",
        f"Longest carry of the best of {numbers['seeds']:,} adders": "undecided",
    }
    drawn = EXPERIMENTS["fig6"].findings(Results(tmp_path), "laptop").drawings
    assert [drawing.name for drawing in drawn] == ["figure-6-left", "figure-6-right"]
    assert "n = 20 seeds" in drawn[1].caption


def test_figure_6_is_not_decided_by_adders_that_have_learned_no_carry(tmp_path: Path) -> None:
    def wrong(job: Job, seed: int, suite: str, size: int) -> int:
        return 32 if suite == "carry" else 0

    invented.done(tmp_path, EXPERIMENTS["fig6"], "laptop", wrong)
    [measurement] = EXPERIMENTS["fig6"].measurements("laptop")
    rows = [invented.threshold(seed, 1) for seed in range(20)]
    invented.measured(tmp_path, measurement.name, measurement.arguments, rows)
    found = claims(tmp_path, "fig6").values()
    assert {claim.verdict for claim in found} == {"undecided"}
    assert any(claim.ours == "no tail to fit" for claim in found)


def test_table_2_goes_by_its_rule(tmp_path: Path) -> None:
    def wrong(job: Job, seed: int, suite: str, size: int) -> int:
        return {"mul": 9, "bmul > mul": 9 if size > 100 else 0}.get(job.config.curriculum_text, 0)

    invented.done(tmp_path, EXPERIMENTS["table2"], "laptop", wrong)
    told = [claim.ours.partition(":")[0] for claim in claims(tmp_path, "table2").values() if claim.ours != "–"]
    assert told == ["fails", "struggles", "works", "works"]


def digits(seed: int | None, wrong: int, suite: str, size: int, error: float) -> dict[str, object]:
    asked = Question(find_suite(suite), find_task("bmul"), size, 4)
    averaged = None if seed is not None else 2
    base = {"suite": suite, "size": size, "length": asked.length, "seed": seed, "averaged": averaged}
    return {**base, "wrong": wrong, "asked": 4, "sequence_error": error, "pairs": []}


def test_table_3_compares_the_average_with_the_seeds(tmp_path: Path) -> None:
    invented.done(tmp_path, EXPERIMENTS["table3"], "laptop")
    [measurement] = EXPERIMENTS["table3"].measurements("laptop")
    lines = [
        *(digits(seed, wrong, "leading-zeros", 99, wrong / 4) for seed, wrong in ((0, 1), (1, 0), (None, 0))),
        *(digits(seed, 4 * (size > 8), "repeated", size, float(size > 8)) for seed in (0, 1) for size in (8, 9, 12)),
        *(digits(seed, 2, "power", 50, 0.5) for seed in (0, 1)),
    ]
    invented.measured(tmp_path, measurement.name, measurement.arguments, lines)
    assert {claim.verdict for claim in claims(tmp_path, "table3").values()} == {"agrees"}


def test_table_1_fits_exponents(tmp_path: Path) -> None:
    [measurement] = EXPERIMENTS["table1"].measurements("laptop")
    powers = {"feed-forward": 0, "recurrent": 1, "neural-gpu": 1.7}
    found = [
        {"model": model, "length": length, "steps": length + 1, "operations": 7.0 * length**power}
        for model, power in powers.items()
        for length in (23, 47, 95, 191)
    ]
    invented.measured(tmp_path, measurement.name, measurement.arguments, found)
    assert [claim.verdict for claim in claims(tmp_path, "table1").values()] == ["agrees", "agrees", "differs"]


def test_the_report_in_the_documentation_is_what_is_written_now(tmp_path: Path) -> None:
    kept = Path(__file__).parents[2] / "docs" / "paper"
    copy = shutil.copytree(kept, tmp_path / "paper")
    *written, _ = write_report(copy, "laptop", force=True)
    for page in written:
        assert isinstance(page, Path)
        now = page.read_text(encoding="utf-8").replace(str(copy), "docs/paper")
        then = (kept / page.name).read_text(encoding="utf-8")
        # What the fonts and floats of a machine decide is left out.
        assert re.sub("<svg.*?</svg>", "", now, flags=re.DOTALL) == re.sub("<svg.*?</svg>", "", then, flags=re.DOTALL)


def test_a_report_is_written_once_for_the_same_results(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert open_folder(folder, None) == "laptop"
    for name in ("fig2", "fig6", "fig7"):
        invented.done(folder, EXPERIMENTS[name], "laptop")
    page, appendix, written = write_report(folder, "laptop")
    assert written
    assert write_report(folder, "laptop")[2] is False
    assert write_report(folder, "laptop", force=True)[2] is True
    html, text = page.read_text(encoding="utf-8"), appendix.read_text(encoding="utf-8")
    for experiment in EXPERIMENTS.values():
        assert experiment.title in html
        assert f"## {experiment.title} (section {experiment.section})" in text
    for drawing in (folder / "figures").glob("*.svg"):
        assert f"figures/{drawing.name}" in text
    assert "http" not in html.replace("http://www.w3.org", "")
    invented.done(folder, EXPERIMENTS["fig5"], "laptop")
    assert write_report(folder, "laptop")[2] is True

"""Verdicts say what the rows say, good or bad."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralgpu.reporting.run_record import read_run
from neuralgpu.reporting.verdict import reach_verdict
from neuralgpu.rows import ResultRow, append_rows

TEXTS = {
    "good": (
        "good",
        "Right on 256 of 256 random inputs of length 401 (sequence error 0.0%, 95% interval 0.0 to 1.5%), trained "
        "on inputs of at most 41 symbols. Carries: every one right up to 190 digits.",
    ),
    "mixed": (
        "mixed",
        "9 of 10 seeds (59.6 to 98.2%) are below 1% at length 401 (sequence error: best 0.0%, median 0.0%, "
        "worst 100.0%; 256 random inputs each), trained on inputs of at most 41 symbols. "
        "Carries: every one right up to 190 digits in the best seed, 74 in the median, 10 in the worst.",
    ),
    "bad": (
        "bad",
        "Not below 1% even at its training lengths: right on 248 of 256 random inputs of length 41 (sequence error "
        "3.1%, 95% interval 1.6 to 6.0%), and right on 0 of 256 random inputs of length 401 (sequence error "
        "100.0%, 95% interval 98.5 to 100.0%), trained on inputs of at most 41 symbols. Carries: every one right "
        "up to 5 digits, 3.1% wrong at 10 digits.",
    ),
    "without_results": (
        "open",
        "Training finished at step 2,600; it learned its longest inputs (41 symbols), down to an error of "
        "0.0%. There are no results yet.",
    ),
    "interrupted": (
        "open",
        "Training was interrupted at step 600, before it learned its longest inputs (41 symbols): its sequence "
        "error was 50.3% at length 14. There are no results yet.",
    ),
    "multiplication": (
        "bad",
        "Did not generalise: right on 0 of 256 random inputs of length 401 (sequence error 100.0%, 95% interval "
        "98.5 to 100.0%), trained on inputs of at most 41 symbols.",
    ),
}


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_text_and_tone(build_run: Callable[[str], Path], kind: str) -> None:
    verdict = reach_verdict(read_run(build_run(kind)))
    assert (verdict.tone, verdict.text) == TEXTS[kind]
    assert verdict.needs_evaluation == (verdict.tone == "open")


def judged(run: Path, rows: list[ResultRow]) -> tuple[str, str, tuple[str, ...]]:
    append_rows(run / "results.jsonl", rows)
    verdict = reach_verdict(read_run(run))
    return verdict.tone, verdict.text, verdict.notes


def test_partial_generalisation_is_called_that(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    tone, text, _ = judged(build_run("without_results"), [make_row(errors=13)])
    assert tone == "mixed"
    assert text.startswith(
        "Generalised only in part: right on 243 of 256 random inputs of length 401 (sequence error 5.1%"
    )


def test_failure_beyond_the_papers_length_is_told(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    rows = [make_row(), make_row(length=1601, count=8, errors=4)]
    tone, text, _ = judged(build_run("without_results"), rows)
    assert tone == "good" and "At length 1,601, the longest tested, 50.0% of the inputs are wrong." in text


def test_no_seed_below_one_percent(build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]) -> None:
    tone, text, _ = judged(build_run("without_results"), [make_row(seed=seed, errors=200 + seed) for seed in (1, 2, 3)])
    assert tone == "bad" and text.startswith(
        "Did not generalise: 0 of 3 seeds (0.0 to 56.1%) are below 1% at length 401"
    )


def test_few_inputs_prove_little(build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]) -> None:
    _, _, notes = judged(build_run("without_results"), [make_row(count=16)])
    assert any("reaches above 1%" in note for note in notes)


def test_enough_inputs_need_no_note(build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]) -> None:
    assert judged(build_run("without_results"), [make_row(count=1024)])[2] == ()


def test_seeds_that_started_over_are_told(build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]) -> None:
    for run, who in (("without_results", "The seed"), ("mixed", "2 of the 10 seeds")):
        path = build_run(run)
        restarts = [{"event": "restart", "step": 900, "time": 1.7e9, "seed": seed, "length": 25} for seed in (1, 2, 1)]
        with (path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in restarts)
        notes = judged(path, [make_row(count=1024)])[2]
        assert f"{who} started over with new weights after learning short inputs by heart." in notes


def test_training_lengths_alone_prove_nothing(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    _, text, notes = judged(build_run("without_results"), [make_row(length=41, count=1024)])
    assert text.startswith("Right on 1,024 of 1,024 random inputs of length 41")
    assert notes == ("No input longer than the training inputs was tested, so this says nothing about generalisation.",)


def test_carries_alone_ask_for_random_inputs(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    run = build_run("without_results")
    append_rows(run / "results.jsonl", [make_row(suite="carry", size=9, length=21, count=64, errors=32)])
    verdict = reach_verdict(read_run(run))
    assert verdict.needs_evaluation
    assert verdict.text.endswith("No random inputs were tested yet. Carries: 50.0% wrong at 9 digits.")


def test_an_average_is_told_beside_its_seeds(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    run = build_run("without_results")
    together = make_row(seed=None, averaged=3, errors=1)
    said = (
        "The average of 3 seeds is right on 255 of 256 random inputs of length 401 (sequence error 0.4%, 95% "
        "interval 0.1 to 2.2%)."
    )
    tone, text, _ = judged(run, [together])
    assert tone == "open" and text.endswith(f"No seed was tested on random inputs by itself yet. {said}")
    tone, text, _ = judged(run, [make_row(seed=seed, errors=200) for seed in (1, 2, 3)])
    assert tone == "bad" and text.startswith("Did not generalise: 0 of 3 seeds") and text.endswith(said)


def test_untested_seeds_are_counted(build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]) -> None:
    run = build_run("mixed")
    (run / "results.jsonl").unlink()
    assert "9 of the 10 seeds trained were not tested at this length." in judged(run, [make_row(count=1024)])[2]


def test_unlearned_training_is_told_beside_a_bad_result(
    build_run: Callable[[str], Path], make_row: Callable[..., ResultRow]
) -> None:
    tone, text, _ = judged(build_run("interrupted"), [make_row(errors=256)])
    assert tone == "bad" and "Training was interrupted at step 600, before it learned its longest inputs" in text

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from neuralgpu.errors import UserError
from neuralgpu.evaluation.budget import BudgetSpentError
from neuralgpu.evaluation.examination import standard_questions
from neuralgpu.evaluation.judgement import Judgement, judge
from neuralgpu.evaluation.outsider import Outsider
from neuralgpu.rows import read_lines, read_rows, read_thresholds
from neuralgpu.tasks import find_task

TASK = find_task("add")
Answer = Callable[[str], str]


def right(text: str) -> str:
    return TASK.plain(TASK.solve(text))


def forgets_zeros(text: str) -> str:
    """Wrong where both numbers are even single digits behind at least five zeros."""
    first, second = text.split("+")
    small = len(first) > 5 and max(int(first), int(second)) < 10
    return "1" if small and int(first) % 2 == int(second) % 2 == 0 else right(text)


def judged(
    folder: Path, answer: Answer, suites: Sequence[str], most: int = 10**9, seconds: float = 60.0
) -> tuple[Judgement, list[tuple[int, int, str]]]:
    left = most
    folder.mkdir(exist_ok=True)

    def predict(texts: Sequence[str]) -> list[str | None]:
        nonlocal left
        left -= len(texts)
        if left < 0:
            raise BudgetSpentError("the budget is spent")
        return [answer(text) for text in texts]

    heard: list[tuple[int, int, str]] = []
    found = judge(
        Outsider("adder", TASK, predict),
        standard_questions(TASK, 64, 41, suites),
        seed=0,
        longest=41,
        seconds=seconds,
        folder=folder,
        watch=lambda done, total, what: heard.append((done, total, what)),
    )
    return found, heard


def test_what_is_found_is_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("what an earlier judgement left")
    found, _ = judged(tmp_path, forgets_zeros, ["random", "leading-zeros"])
    assert read_rows(tmp_path / "rows.jsonl") == found.rows
    assert read_thresholds(tmp_path / "thresholds.jsonl") == found.thresholds
    assert read_lines(tmp_path / "counterexamples.jsonl") == [one.record() for one in found.counterexamples]
    assert found.ended is None
    assert [row.threshold for row in found.thresholds] == [None, None]  # a quarter of the pairs is wrong
    assert found.counterexamples[0].input == "000000+000000"


def test_the_papers_table_says_of_every_pair_whether_it_was_right(tmp_path: Path) -> None:
    judged(tmp_path, forgets_zeros, ["leading-zeros"], seconds=0.0)
    [line] = read_lines(tmp_path / "leading_zeros.jsonl")
    assert line["zeros"] == 19  # behind which two digits make an input of 41 symbols
    assert len(line["pairs"]) == 100
    assert all(told == bool(a % 2 or b % 2) for a, b, told in line["pairs"])
    assert read_lines(tmp_path / "counterexamples.jsonl") == []


def test_progress_never_goes_back_and_ends_with_everything(tmp_path: Path) -> None:
    _, heard = judged(tmp_path, forgets_zeros, ["random", "leading-zeros", "equal"], seconds=1.0)
    shares = [done for done, _, _ in heard]
    assert shares == sorted(shares)
    assert len({total for _, total, _ in heard}) == 1
    assert heard[-1][0] == heard[-1][1]


def test_a_budget_that_ends_keeps_what_was_found(tmp_path: Path) -> None:
    whole, _ = judged(tmp_path / "whole", right, ["random", "equal"], seconds=0.0)
    cut, _ = judged(tmp_path / "cut", right, ["random", "equal"], most=200)
    assert cut.ended == "the budget is spent"
    assert 0 < len(cut.rows) < len(whole.rows)
    assert cut.rows == whole.rows[: len(cut.rows)]
    assert (cut.thresholds, cut.counterexamples) == ([], [])
    lines = (tmp_path / "cut" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["count"] for line in lines] == [row.count for row in cut.rows]


def test_a_budget_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Nothing was found out, since the budget is spent; allow more"):
        judged(tmp_path, right, ["random"], most=10)

from collections.abc import Sequence

import numpy as np
import pytest

from neuralgpu.evaluation.outsider import Outsider
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import Finding, examine
from neuralgpu.evaluation.subject import Subject
from neuralgpu.evaluation.suites import Example, find_suite
from neuralgpu.tasks import find_task


def answering(task: str, answer: str | None) -> Outsider:
    return Outsider("one", find_task(task), lambda texts: [answer] * len(texts))


def right(task: str) -> Outsider:
    known = find_task(task)
    return Outsider("right", known, lambda texts: [known.plain(known.solve(text)) for text in texts])


def asked(subject: Subject, question: Question, *, until_certain: bool = False) -> Finding:
    [finding] = examine(subject, [question], 0, lambda question, done: None, until_certain=until_certain)
    return finding


def test_it_is_a_subject() -> None:
    assert isinstance(answering("badd", "0"), Subject)


@pytest.mark.parametrize("task", ["badd", "addz", "qmule", "mul", "sub", "bsort", "incr", "copy", "sbadd", "add3"])
@pytest.mark.parametrize("suite", ["random", "equal", "all-equal"])
def test_right_answers_without_leading_zeros_are_right(task: str, suite: str) -> None:
    known = find_task(task)
    found = find_suite(suite)
    if not found.fits(known):
        return
    size = found.sizes(known, 24)[-1]
    finding = asked(right(task), Question(found, known, size, 20))
    assert [(row.sequence_error, row.symbol_error) for row in finding.rows] == [(0.0, 0.0)]
    assert not finding.wrong.any()


@pytest.mark.parametrize(
    ("task", "text", "answer", "symbols"),
    [
        ("badd", "101+011", "1000", [1, 1, 1, 2, 1, 1, 1]),
        ("badd", "101+011", "0001000", [1, 1, 1, 2, 1, 1, 1]),
        ("badd", "101+011", " 1001\n", [2, 1, 1, 2, 1, 1, 1]),
        ("badd", "101+011", "12", [-1, 2, 1, 1, 1, 1, 1]),  # 2 is no binary digit
        ("badd", "101+011", "eight", [-1, -1, -1, -1, -1, 1, 1]),
        ("badd", "101+011", "100001000", [1, 1, 1, 2, 1, 1, -1]),  # right but for what is in front of it
        ("badd", "101+011", "", [1, 1, 1, 1, 1, 1, 1]),
        ("badd", "101+011", None, [-1] * 7),
        ("addz", "9+9", "18", [9, 2, 0]),
        ("copy", "123", "12", [2, 3, -1]),
        ("copy", "123", "1234", [2, 3, -1]),
        ("copy", "012", "12", [2, 3, -1]),  # every symbol counts
    ],
)
def test_symbols_of_an_answer(task: str, text: str, answer: str | None, symbols: list[int]) -> None:
    subject = answering(task, answer)
    length = len(subject.task.encode(text))
    [part] = subject.symbols([Example(text, subject.task.solve(text))], length)
    given = part[0, 0].tolist()
    assert [symbol if wanted else 0 for symbol, wanted in zip(given, symbols, strict=True)] == symbols


def test_no_answer_is_wrong_and_shown_as_missing() -> None:
    finding = asked(answering("badd", None), Question(find_suite("random"), find_task("badd"), 9, 4))
    assert finding.rows[0].sequence_error == finding.rows[0].symbol_error == 1.0
    assert {example["output"] for example in finding.examples} == {"?" * 9}


def test_it_is_asked_no_more_once_the_answer_is_certain() -> None:
    task = find_task("badd")
    question = Question(find_suite("random"), task, 25, 1000)
    certain = asked(right("badd"), question, until_certain=True)
    # 381 right answers are the fewest that show an error below 1%; they come 64 at a time.
    assert [(row.count, row.planned) for row in certain.rows] == [(384, 1000)]
    assert certain.rows[0].ci_high < 0.01
    assert len(certain.asked) == certain.wrong.shape[1] == 384
    wrong = asked(answering("badd", "1"), question, until_certain=True)
    assert [(row.count, row.planned) for row in wrong.rows] == [(64, 1000)]
    assert wrong.rows[0].ci_low > 0.01
    assert [(row.count, row.planned) for row in asked(right("badd"), question).rows] == [(1000, None)]
    few = asked(right("badd"), Question(find_suite("random"), task, 25, 100), until_certain=True)
    assert [(row.count, row.planned) for row in few.rows] == [(100, None)]


def test_answers_are_written_as_the_task_writes_them() -> None:
    subject = answering("badd", "1000")
    assert subject.answers(["101+011", "1+1"]) == [["0001000", "?00"]]

    def half(texts: Sequence[str]) -> list[str | None]:
        return [None if text == "1+1" else "10" for text in texts]

    assert Outsider("half", find_task("badd"), half).answers(["1+1", "1+0"]) == [["???", "010"]]


def test_every_symbol_of_a_sum_counts() -> None:
    task = find_task("badd")
    subject = Outsider("low", task, lambda texts: [task.plain(task.solve(text))[:-1] + "?" for text in texts])
    finding = asked(subject, Question(find_suite("random"), task, 9, 16))
    assert finding.rows[0].symbol_error == pytest.approx(1 / 9)
    assert finding.rows[0].first_wrong == 0.0
    assert np.all(finding.wrong)

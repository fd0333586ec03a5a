import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralgpu.errors import UserError
from neuralgpu.evaluation.search import find_counterexamples, shrunk
from neuralgpu.evaluation.search.inquiry import BudgetSpentError, Inquiry
from neuralgpu.evaluation.search.reductions import levels, reduced
from neuralgpu.evaluation.search.texts import normal, size_of
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.rows import replace_lines
from neuralgpu.tasks import find_task

from .subjects import RUN_THROUGH, Answer, Functions, carry_dropper, four_in_a_row, right, zero_stumbler

ENOUGH = 600.0
"""Seconds that no test takes: the number of tries ends the search."""


def wrong(task: str, answer: Answer, text: str) -> bool:
    asked = find_task(task)
    return asked.plain(answer(asked, text)) != asked.plain(asked.solve(text))


def test_the_carry_that_is_dropped_is_found_at_its_shortest() -> None:
    """A carry through eight digits needs eight columns, the lowest of which adds to the base: 2 + 7 x 1 in base 2."""
    found = find_counterexamples(Functions("badd", carry_dropper), seconds=ENOUGH, most_tries=2000)
    first = found.counterexamples[0]
    assert (first.input, first.kind, first.detail) == ("00000001+11111111", "carry chain", "through 8 digits")
    assert (first.target, first.length, first.seed, first.seeds) == ("00000000100000000", 17, None, (None,))
    assert (first.step, first.averaged, first.task) == (None, None, "badd")
    assert all(wrong("badd", carry_dropper, one.input) for one in found.counterexamples)


def test_nothing_smaller_fails() -> None:
    """Of all sums of eight digits; one of fewer has no carry through eight."""
    task, smallest = find_task("badd"), "00000001+11111111"
    numbers = ["".join(digits) for digits in product("01", repeat=8)]
    sums = (f"{first}+{second}" for first, second in product(numbers, repeat=2))
    smaller = [text for text in sums if (text.count("1"), text) < (9, smallest)]
    assert len(smaller) > 30_000
    assert not any(int(carry_dropper(task, text), 2) - sum(int(one, 2) for one in text.split("+")) for text in smaller)


@pytest.mark.parametrize(("task", "smallest"), [("add", "00000001+99999999"), ("addz", "1+99999999")])
def test_in_base_10_and_unpadded(task: str, smallest: str) -> None:
    found = find_counterexamples(Functions(task, carry_dropper), seconds=ENOUGH, most_tries=1500)
    assert found.counterexamples[0].input == smallest


def test_leading_zeros_are_found_and_named() -> None:
    first = find_counterexamples(Functions("add", zero_stumbler), seconds=ENOUGH, most_tries=900).counterexamples[0]
    assert (first.input, first.kind, first.detail) == ("000000+000000", "leading zeros", "6 zeros")


def test_sequences_and_expressions_are_searched_too() -> None:
    [first, *_] = find_counterexamples(
        Functions("bsort", four_in_a_row), seconds=ENOUGH, most_tries=600
    ).counterexamples
    assert (first.input, first.kind) == ("0000", "all equal")

    def forgets_precedence(task: object, text: str) -> str:
        return "1" if "+" in text and "*" in text else find_task("bexpram").solve(text)

    [first, *_] = find_counterexamples(
        Functions("bexpram", forgets_precedence), seconds=ENOUGH, most_tries=700
    ).counterexamples
    assert (first.input, first.kind) == ("0*0+0", "short inputs")


def test_a_right_subject_has_no_counterexample() -> None:
    said: list[tuple[int, int]] = []
    found = find_counterexamples(
        Functions("add", right),
        seconds=ENOUGH,
        most_tries=500,
        watch=lambda tried, failed: said.append((tried, failed)),
    )
    assert (found.counterexamples, found.tried) == ((), 500)
    assert said[-1] == (500, 0)


def test_a_task_with_few_inputs_is_done_when_all_were_tried() -> None:
    subject = Functions("badd", right)
    assert find_counterexamples(subject, seconds=ENOUGH, longest=5).tried == len(subject.asked) == 4 + 16


def test_the_same_seed_tries_the_same_inputs() -> None:
    def records(subject: Functions, seed: int, most: int) -> str:
        found = find_counterexamples(subject, seconds=ENOUGH, seed=seed, most_tries=most)
        return json.dumps([one.record() for one in found.counterexamples])

    subjects = [Functions("add", carry_dropper, zero_stumbler) for _ in range(4)]
    first, again = (records(subject, 3, 700) for subject in subjects[:2])
    assert first == again and subjects[0].asked == subjects[1].asked
    records(subjects[2], 3, 600)
    assert subjects[2].asked == subjects[0].asked[:600]
    records(subjects[3], 4, 400)
    assert subjects[3].asked != subjects[0].asked[:400]


def test_an_input_is_asked_once_and_is_no_longer_than_allowed() -> None:
    subject = Functions("addz", carry_dropper)
    find_counterexamples(subject, seconds=ENOUGH, longest=31, most_tries=700)
    assert len(set(subject.asked)) == len(subject.asked) == 700
    assert max(len(subject.task.encode(text)) for text in subject.asked) <= 31


def test_the_time_is_kept() -> None:
    subject = Functions("badd", right)
    assert find_counterexamples(subject, seconds=0.0).tried == 0
    with pytest.raises(BudgetSpentError):
        Inquiry(subject, 0.0).ask([])


def test_every_seed_has_its_own_counterexamples() -> None:
    subject = Functions("add", carry_dropper, right, zero_stumbler)
    found = find_counterexamples(subject, seconds=ENOUGH, most_tries=2000).counterexamples
    assert {one.input: one.seeds for one in found}["00000001+99999999"] == (0,)
    assert {one.input: one.seeds for one in found}["000000+000000"] == (2,)
    assert all(one.seed == one.seeds[0] for one in found)
    left = find_counterexamples(subject, seconds=ENOUGH, most_tries=900, leave_out=(0,)).counterexamples
    assert {one.seeds for one in left} == {(2,)}


def test_as_many_of_a_kind_are_kept_as_asked() -> None:
    def nothing(task: object, text: str) -> str:
        return "?"

    found = find_counterexamples(Functions("add", nothing), seconds=ENOUGH, most_tries=400, keep=1)
    kinds = [one.kind for one in found.counterexamples]
    assert len(set(kinds)) == len(kinds) > 0
    assert found.counterexamples[0].input == "0+0"


def test_what_is_found_is_asked_again_from_a_file(tmp_path: Path) -> None:
    subject = Functions("add", carry_dropper)
    found = find_counterexamples(subject, seconds=ENOUGH, most_tries=1500).counterexamples
    records = [one.record() for one in found]
    replace_lines(tmp_path / "found.jsonl", records)
    rng = np.random.default_rng(0)
    suite = find_suite(f"file:{tmp_path / 'found.jsonl'}")
    texts = [text for size in suite.sizes(subject.task, 1000) for text in suite.inputs(subject.task, size, rng)]
    assert sorted(texts) == sorted(one.input for one in found)
    assert all(wrong("add", carry_dropper, text) for text in texts)


def test_inputs_that_were_met_are_shrunk() -> None:
    subject = Functions("badd", carry_dropper)
    met = {"1110111111111110+0010000000000001": "carry", "1+1": "random", "11111111+1": "nines"}
    found = shrunk(subject, met, limit=5, seconds=ENOUGH)
    assert [(one.input, one.kind) for one in found] == [("00000001+11111111", "carry chain")]
    [first] = shrunk(subject, met, limit=1, seconds=ENOUGH)
    assert first.found_by == "nines"
    assert shrunk(subject, {"1+1": "random"}, limit=5, seconds=ENOUGH) == []
    with pytest.raises(UserError, match="is no digit of base 2"):
        shrunk(subject, {"1+2": "random"}, limit=5, seconds=ENOUGH)


def test_too_short_a_limit_is_refused() -> None:
    with pytest.raises(UserError, match=r"'badd' has no inputs of 2 symbols or fewer; use a larger --longest\.$"):
        find_counterexamples(Functions("badd", right), seconds=ENOUGH, longest=2)


@st.composite
def sums_with_a_long_carry(draw: st.DrawFn) -> str:
    """Digits, and their complements but for one column, in which a carry starts, and some above the chain."""
    chain = draw(st.text("01", min_size=RUN_THROUGH, max_size=12))
    before, behind = (draw(st.tuples(*[st.text("01", min_size=size, max_size=size)] * 2)) for size in (2, 3))
    complement = "".join("10"[int(digit)] for digit in chain)
    return f"{before[0]}{chain}1{behind[0]}+{before[1]}{complement}1{behind[1]}"


@settings(max_examples=6)
@given(sums_with_a_long_carry(), st.sampled_from(["badd", "baddz", "badde"]))
def test_what_is_shrunk_fails_and_no_single_reduction_of_it_does(text: str, name: str) -> None:
    subject = Functions(name, carry_dropper)
    [found] = shrunk(subject, {text: "random"}, limit=1, seconds=ENOUGH)
    assert size_of(subject.task, found.input) < size_of(subject.task, text)
    assert wrong(name, carry_dropper, found.input)
    smaller = {other for level in levels(found.input) for other in reduced(subject.task, found.input, level)}
    assert smaller and not any(wrong(name, carry_dropper, other) for other in smaller)


@pytest.mark.parametrize(
    "name", ["badd", "addz", "sube", "qmul", "divz", "exprasmd", "sort", "incr", "dup", "3badd", "sbadd"]
)
def test_reductions_are_smaller_inputs_of_the_task(name: str) -> None:
    task = find_task(name)
    text = normal(task, task.example(next(length for length in range(11, 20) if task.valid_length(length)))[0])
    assert text is not None
    found = [other for level in levels(text) for other in reduced(task, text, level)]
    assert found
    for other in found:
        assert normal(task, other) == other
        assert size_of(task, other) < size_of(task, text)

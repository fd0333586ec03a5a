from collections.abc import Sequence

import numpy as np
import pytest

from neuralgpu.evaluation.outsider import Outsider
from neuralgpu.evaluation.suites import Suite, find_suite
from neuralgpu.evaluation.threshold import Tally, find_thresholds
from neuralgpu.rows import ThresholdRow
from neuralgpu.tasks import find_task

TASK = find_task("add")


def fails_from(size: int, share: float = 1.0) -> Outsider:
    """An adder that is wrong on that share of the sums whose operands have at least so many digits."""
    rng = np.random.default_rng(0)

    def predict(texts: Sequence[str]) -> list[str | None]:
        return [
            "0" if (len(text) - 1) // 2 >= size and rng.random() < share else TASK.plain(TASK.solve(text))
            for text in texts
        ]

    return Outsider("adder", TASK, predict)


def found(subject: Outsider, suite: Suite, known: dict[int, Tally], longest: int = 101) -> ThresholdRow:
    [row] = find_thresholds(subject, suite, known, longest, 0, lambda size, done: None)
    return row


def tally(count: int, wrong: int) -> Tally:
    return Tally(count, np.array([wrong]))


@pytest.mark.parametrize("threshold", [3, 4, 17, 30, 49, 50])
def test_the_smallest_failing_size_is_found_between_two_that_were_tried(threshold: int) -> None:
    row = found(fails_from(threshold), find_suite("equal"), {2: tally(8, 0), 50: tally(8, 8)})
    assert (row.threshold, row.below, row.size) == (threshold, threshold - 1, 50)
    assert (row.suite, row.size_name, row.seed, row.step) == ("equal", "digits", None, None)


def test_the_smallest_size_of_all_may_fail() -> None:
    row = found(fails_from(1), find_suite("equal"), {20: tally(8, 8)})
    assert (row.threshold, row.below) == (2, None)


def test_where_nothing_fails_nothing_is_asked() -> None:
    def silent(texts: Sequence[str]) -> list[str | None]:
        raise AssertionError(f"asked {len(texts)} inputs")

    row = found(Outsider("adder", TASK, silent), find_suite("equal"), {5: tally(64, 0), 50: tally(64, 31)})
    assert (row.threshold, row.below, row.size, row.count) == (None, 50, 50, 128)


def test_sizes_near_one_half_are_asked_more() -> None:
    """Six of eight are no proof: of many more inputs less than half are wrong."""
    row = found(fails_from(9, 0.4), find_suite("equal"), {5: tally(8, 0), 20: tally(8, 6)})
    assert row.threshold is None
    assert row.count >= 5 * 8


def test_all_there_are_is_asked_once() -> None:
    """There are two pairs of repeated binary digits less one: a single input of each size."""
    task = find_task("badd")

    def predict(texts: Sequence[str]) -> list[str | None]:
        return ["0" if len(text) > 25 else task.plain(task.solve(text)) for text in texts]

    row = found(Outsider("adder", task, predict), find_suite("repeated"), {50: Tally(1, np.array([1]), complete=True)})
    assert (row.threshold, row.below) == (13, 12)
    assert row.count < 10


def test_a_dropped_carry_is_found_out() -> None:
    """Carries end at the eighth digit: the suites whose every input has such a carry name exactly this length."""

    def predict(texts: Sequence[str]) -> list[str | None]:
        answers: list[str | None] = []
        for text in texts:
            first, second = (operand[::-1] for operand in text.split("+"))
            digits, carry, run = "", 0, 0
            for a, b in zip(first, second, strict=True):
                carry, digit = divmod(int(a) + int(b) + carry, 10)
                run = run + 1 if carry else 0
                digits += str(digit)
                if run == 8:
                    carry = run = 0
            answers.append((digits + str(carry))[::-1])
        return answers

    for name in ("carry-low", "carry-inside", "carry-overflow"):
        suite = find_suite(name)
        row = found(Outsider("adder", TASK, predict), suite, {3: tally(8, 0), 30: tally(8, 8)}, 201)
        assert (name, row.threshold, row.below) == (name, 8, 7)

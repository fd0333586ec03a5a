"""Sums with carry runs and with repeated digits."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Int
from scipy.stats import binomtest, chi2, chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import Addition, find_task, task_names

ADDITIONS = [task for task in map(find_task, task_names()) if isinstance(task, Addition)]
COUNT = 40_000
DIGITS = 6


def addition(name: str, carry_share: float = 0.0, repeat_share: float = 0.0) -> Addition:
    task = find_task(name)
    assert isinstance(task, Addition)
    return replace(task, carry_share=carry_share, repeat_share=repeat_share)


def draw_digits(task: Addition, seed: int) -> tuple[Int[np.ndarray, "batch digit"], Int[np.ndarray, "batch digit"]]:
    grid = task.sample(np.random.default_rng(seed), 2 * DIGITS + 1, COUNT).grid[:, :, 0] - 1
    return grid[:, :DIGITS], grid[:, DIGITS + 1 :]


def full_carries(task: Addition, seed: int) -> int:
    """Counts the sums in which a carry starts in the lowest column and runs through all others."""
    first, second = draw_digits(task, seed)
    total = first + second
    return int(((total[:, 0] >= task.base) & (total[:, 1:] == task.base - 1).all(axis=1)).sum())


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.7, 0.7)])
@pytest.mark.parametrize("task", ADDITIONS, ids=lambda task: task.name)
def test_sums_with_runs_agree_with_the_oracle(task: Addition, shares: tuple[float, float]) -> None:
    rich = replace(task, carry_share=shares[0], repeat_share=shares[1])
    assert rich.name == task.name
    for length in (3, 5, 41):
        batch = rich.sample(np.random.default_rng(length), length, 8)
        for grid, target in zip(batch.grid, batch.target, strict=True):
            text = rich.decode_input(grid)
            assert rich.decode(target) == task.solve(text)
            assert np.array_equal(rich.encode(text), grid[: len(rich.encode(text))])


@pytest.mark.parametrize("name", ["badd", "add"])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_full_carries_have_the_right_frequency(name: str, share: float) -> None:
    task = addition(name, share)
    base = task.base
    starts = (base - 1) / (2 * base)  # b(b-1)/2 of b*b pairs
    passes = 1 / base
    # A started run of length r fits at k - r + 1 places; wherever it does not lie the columns are uniform.
    expected = (1 - share) * starts * passes ** (DIGITS - 1)
    for length in range(1, DIGITS + 1):
        for lowest in range(DIGITS - length + 1):
            weight = share / DIGITS / (DIGITS - length + 1)
            outside = DIGITS - length
            if lowest == 0:
                expected += weight * 0.8 * passes**outside
            else:
                expected += weight * 0.2 * starts * passes ** (outside - 1)
    assert binomtest(full_carries(task, seed=11), COUNT, expected).pvalue > 0.001


@pytest.mark.parametrize("name", ["badd", "add"])
def test_runs_lie_everywhere_alike(name: str) -> None:
    task = addition(name, 1.0)
    first, second = draw_digits(task, 12)
    passing = (first + second == task.base - 1).sum(axis=0)
    for column in range(DIGITS):
        expected = 0.0
        for length in range(1, DIGITS + 1):
            for lowest in range(DIGITS - length + 1):
                inside = lowest <= column < lowest + length
                passes = (0.2 if column == lowest else 1.0) if inside else 1 / task.base
                expected += passes / DIGITS / (DIGITS - length + 1)
        assert binomtest(int(passing[column]), COUNT, expected).pvalue > 0.001


@pytest.mark.parametrize("name", ["badd", "add"])
def test_the_first_operand_and_the_second_stay_alike(name: str) -> None:
    task = addition(name, 1.0)
    first, second = draw_digits(task, 13)
    above = np.triu_indices(task.base, k=1)
    for column in range(DIGITS):
        pairs = np.bincount(task.base * first[:, column] + second[:, column], minlength=task.base**2)
        counts = pairs.reshape(task.base, task.base)
        differences = (counts - counts.T)[above] ** 2 / (counts + counts.T)[above]
        assert chi2.sf(differences.sum(), len(differences)) > 0.001


def test_in_a_run_the_first_digit_is_uniform() -> None:
    task = addition("add", 1.0)
    first, second = draw_digits(task, 14)
    top = first[:, -1][first[:, -1] + second[:, -1] == 9]
    assert chisquare(np.bincount(top, minlength=10)).pvalue > 0.001


@pytest.mark.parametrize("name", ["badd", "add"])
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("digit", ["zero", "highest"])
def test_operands_of_one_digit_have_the_right_frequency(name: str, share: float, digit: str) -> None:
    task = addition(name, repeat_share=share)
    base = task.base
    chosen = (1 + 1 / base) / 3
    uniform = base**-DIGITS
    expected = (1 - share) * uniform + share / 3 * uniform
    for length in range(1, DIGITS + 1):
        expected += share * 2 / 3 / DIGITS * chosen * base ** -(DIGITS - length)
    for operand in draw_digits(task, 16):
        found = int((operand == (0 if digit == "zero" else base - 1)).all(axis=1).sum())
        assert binomtest(found, COUNT, expected).pvalue > 0.001


def test_both_operands_repeat_digits_in_the_same_columns() -> None:
    first, second = draw_digits(addition("add", repeat_share=1.0), 17)
    column, within = 2, 0.0
    for length in range(1, DIGITS + 1):
        places = range(DIGITS - length + 1)
        within += sum(lowest <= column < lowest + length - 1 for lowest in places) / len(places) / DIGITS
    repeats = [operand[:, column] == operand[:, column + 1] for operand in (first, second)]
    expected = within * (2 / 3 + 1 / 30) ** 2 + (1 - within) / 100
    assert binomtest(int((repeats[0] & repeats[1]).sum()), COUNT, expected).pvalue > 0.001


def test_carry_runs_are_written_over_repeated_digits() -> None:
    first, second = draw_digits(addition("add", carry_share=1.0, repeat_share=1.0), 18)
    # A stretch reaches the top column from one of its places; a run of one column starts a carry there in 80%.
    reaches = sum(1 / (DIGITS - length + 1) / DIGITS for length in range(1, DIGITS + 1))
    passes = reaches - 0.8 / DIGITS / DIGITS
    extreme, other = 2 / 3 * (1 / 3 + 1 / 30) + 1 / 30, 2 / 3 / 30 + 1 / 30
    repeated = 2 * extreme**2 + 8 * other**2  # two such digits add to 9
    expected = passes + (1 - reaches) * (reaches * repeated + (1 - reaches) / 10)
    assert binomtest(int((first[:, -1] + second[:, -1] == 9).sum()), COUNT, expected).pvalue > 0.001


def test_the_own_distribution_has_no_runs() -> None:
    task = addition("badd", 0.5, 0.5).own_distribution()
    assert task == find_task("badd")
    first, second = draw_digits(task, 15)
    assert chisquare(np.bincount(2 * first[:, 3] + second[:, 3])).pvalue > 0.001


@pytest.mark.parametrize("kind", ["carry", "repeat"])
@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_impossible_shares_are_refused(share: float, kind: str) -> None:
    with pytest.raises(UserError) as error:
        addition("badd", **{f"{kind}_share": share})
    assert str(error.value) == f"A {kind} share of {share} is not possible; give a number from 0 to 1."


def test_multiplication_has_no_carry_share() -> None:
    with pytest.raises(TypeError):
        replace(find_task("bmul"), carry_share=0.5)

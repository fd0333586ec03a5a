"""The published carry-rich sums, against their chances worked out case by case."""

from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralgpu.tasks import find_task


def chances(base: int, digits: int) -> dict[tuple[int, int], float]:
    """Adds up the chance of every pair over all choices that lead to it."""
    found: defaultdict[tuple[int, int], float] = defaultdict(float)
    numbers = range(1, digits + 1)
    for one, other in product(numbers, repeat=2):
        low, high = min(one, other), max(one, other)
        for second in range(base**low):
            found[base**high - base ** (low - 1), second] += 0.2 / digits**2 / base**low
    for width, weight in [(digits, 0.5), *((width, 0.5 / digits) for width in numbers)]:
        for first in range(1, base**width):
            for less in (0, 1):
                found[first, base**width - first - less] += 0.2 * weight / (base**width - 1) / 2
    for first, second in product(range(base**digits), range(base**digits)):
        found[first, second] += 0.6 / base ** (2 * digits)
    swapped: defaultdict[tuple[int, int], float] = defaultdict(float)
    for (first, second), chance in found.items():
        swapped[first, second] += chance / 2
        swapped[second, first] += chance / 2
    return dict(swapped)


@pytest.mark.parametrize(("name", "digits"), [("baddt", 3), ("baddet", 3), ("qaddt", 2), ("addt", 1), ("baddzt", 3)])
def test_every_pair_has_its_published_chance(name: str, digits: int) -> None:
    task, count = find_task(name), 6000
    expected = chances(task.base, digits)
    assert sum(expected.values()) == pytest.approx(1)
    grids = task.sample(np.random.default_rng(21), 2 * digits + 1, count).grid
    texts = [task.decode_input(grid).split("+") for grid in grids]
    drawn = Counter((int(first, task.base), int(second, task.base)) for first, second in texts)
    assert set(drawn) <= set(expected)
    pairs = list(expected)
    assert chisquare([drawn[pair] for pair in pairs], [count * expected[pair] for pair in pairs]).pvalue > 0.001


def test_long_carries_are_common() -> None:
    texts = [find_task("addt").decode_input(grid) for grid in _draw("addt", 41)]
    uniform = [find_task("add").decode_input(grid) for grid in _draw("add", 41)]
    assert sum(map(_longest_carry, texts)) > 2 * sum(map(_longest_carry, uniform))


def _draw(name: str, length: int) -> np.ndarray:
    return find_task(name).sample(np.random.default_rng(22), length, 500).grid


def _longest_carry(text: str) -> int:
    first, second = text.split("+")
    longest = running = 0
    for a, b in zip(reversed(first), reversed(second), strict=True):
        total = int(a) + int(b)
        running = 1 if total > 9 else running + 1 if total == 9 and running else 0
        longest = max(longest, running)
    return longest

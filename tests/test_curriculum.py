"""The curriculum: published distribution of lengths, growth, buckets, coupled draws."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralgpu.curriculum import (
    CurriculumConfig,
    CurriculumState,
    Draw,
    draw,
    initial_state,
    longest,
    starts_over,
    update,
)
from neuralgpu.errors import UserError

PUBLISHED = CurriculumConfig()
BUCKETS = CurriculumConfig(kind="buckets", max_length=16, start_length=8, buckets=(8, 12, 16))


def odd(length: int) -> bool:
    return length >= 3 and length % 2 == 1


def any_length(length: int) -> bool:
    return length > 0


def exact_distribution(config: CurriculumConfig, current: int, valid: Callable[[int], bool]) -> dict[int, float]:
    """Adds up the chances of all outcomes of the published draw, and leaves out the invalid ones."""
    near = range(config.min_length, current + 1)
    far = range(config.min_length, config.max_length + 1)
    chances: defaultdict[int, float] = defaultdict(float)
    for first, second, anywhere in product(near, near, far):
        for take_longer, take_any in product((True, False), repeat=2):
            chance = 1 / (len(near) ** 2 * len(far))
            chance *= config.prefer_longer if take_longer else 1 - config.prefer_longer
            chance *= config.any_length if take_any else 1 - config.any_length
            length = max(first, second) if take_longer else first
            chances[max(length, anywhere) if take_any else length] += chance
    total = sum(chance for length, chance in chances.items() if valid(length))
    return {length: chance / total for length, chance in sorted(chances.items()) if valid(length)}


@pytest.mark.parametrize(("current", "valid"), [(8, odd), (24, odd), (41, odd), (41, any_length)])
def test_lengths_have_the_published_distribution(current: int, valid: Callable[[int], bool]) -> None:
    rng, count = np.random.default_rng(1), 20_000
    drawn = Counter(
        made.longest for _ in range(count) for made in draw(PUBLISHED, CurriculumState(current), valid, rng, 4)
    )
    expected = exact_distribution(PUBLISHED, current, valid)
    assert set(drawn) <= set(expected)
    assert len(expected) == sum(map(valid, range(5, 42)))
    result = chisquare([drawn[length] for length in expected], [count * chance for chance in expected.values()])
    assert result.pvalue > 1e-3


def test_a_draw_fills_the_smallest_bucket_with_one_length() -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        (made,) = draw(PUBLISHED, CurriculumState(41), odd, rng, 32)
        (length,) = made.lengths
        assert made == Draw(made.bucket, {length: 32})
        assert made.bucket == min(bucket for bucket in PUBLISHED.buckets if bucket >= length)


def test_length_grows_over_the_valid_ones_and_stops_at_the_longest() -> None:
    state = initial_state(PUBLISHED)
    seen = [state.length]
    for _ in range(18):
        state = update(PUBLISHED, state, odd, 0.15)
        seen.append(state.length)
    assert seen == [8, *range(9, 42, 2), 41]
    assert longest(PUBLISHED, odd) == 41
    assert longest(replace(PUBLISHED, max_length=40), odd) == 39


@pytest.mark.parametrize("config", [PUBLISHED, BUCKETS], ids=["growth", "buckets"])
def test_nothing_moves_on_above_the_error_bound(config: CurriculumConfig) -> None:
    state = initial_state(config)
    assert update(config, state, odd, 0.1501) == replace(state, epochs=1)
    assert update(config, state, odd, 0.15).length > state.length


def test_buckets_open_one_after_the_other() -> None:
    state = initial_state(BUCKETS)
    rng = np.random.default_rng(3)
    opened = []
    for _ in range(4):
        opened.append([made.bucket for made in draw(BUCKETS, state, odd, rng, 5)])
        state = update(BUCKETS, state, odd, 0.1)
    assert opened == [[8], [8, 12], [8, 12, 16], [8, 12, 16]]
    assert longest(BUCKETS, odd) == 16


def test_a_seed_that_does_not_pass_the_proving_bucket_in_time_starts_over() -> None:
    config = replace(BUCKETS, proving_bucket=12, proving_epochs=2)

    def asked(errors: list[float]) -> list[bool]:
        state, answers = initial_state(config), []
        for error in errors:
            state = update(config, state, odd, error)
            answers.append(starts_over(config, state))
        return answers

    assert asked([0.9] * 9) == [False] * 9, "the first bucket is given any time"
    assert asked([0.1, 0.9, 0.1, 0.9, 0.9, 0.9]) == [False] * 6, "passed in its second epoch"
    assert asked([0.1, 0.9, 0.9]) == [False, False, True]
    config = replace(BUCKETS, proving_bucket=16)
    assert asked([0.1, 0.1, *[0.9] * 5]) == [False] * 7, "the last bucket proves nothing"


def test_buckets_are_filled_with_the_longest_length_that_fits_and_a_share_of_shorter_ones() -> None:
    rng = np.random.default_rng(4)
    full = draw(BUCKETS, CurriculumState(16), odd, rng, 10)
    assert [made.lengths for made in full] == [{7: 10}, {11: 10}, {15: 10}]
    mixed = replace(BUCKETS, shorter_share=0.3)
    counts: Counter[int] = Counter()
    for _ in range(400):
        made = draw(mixed, CurriculumState(8), odd, rng, 10)[0]
        assert sum(made.lengths.values()) == 10
        counts.update(made.lengths)
    # 30% of the inputs are drawn evenly from 3, 5 and 7; the others are 7 long.
    assert chisquare([counts[3], counts[5], counts[7]], [400, 400, 3200]).pvalue > 1e-3


def test_seeds_with_equal_states_draw_the_same_and_others_draw_close_lengths() -> None:
    def lengths(current: int, shift: int) -> np.ndarray:
        return np.array(
            [
                draw(PUBLISHED, CurriculumState(current), odd, np.random.default_rng(step + shift), 1)[0].longest
                for step in range(1500)
            ]
        )

    behind = lengths(19, 0)
    assert np.array_equal(behind, lengths(19, 0))
    coupled = np.abs(behind - lengths(23, 0)).mean()
    independent = np.abs(behind - lengths(23, 5000)).mean()
    assert coupled < 0.7 * independent


def test_impossible_curricula_are_refused() -> None:
    for change in ({"buckets": (8, 8)}, {"buckets": ()}, {"min_length": 9}, {"max_length": 200}, {"any_length": 1.5}):
        with pytest.raises(UserError, match=next(iter(change))):
            replace(PUBLISHED, **change)
    with pytest.raises(UserError, match="between 5 and 41"):
        draw(PUBLISHED, CurriculumState(8), lambda length: False, np.random.default_rng(0), 1)
    with pytest.raises(UserError, match="bucket 8"):
        draw(BUCKETS, CurriculumState(8), lambda length: length > 8, np.random.default_rng(0), 1)

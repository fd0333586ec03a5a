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
    Moves,
    TaskState,
    ValidLength,
    complete,
    draw,
    initial_state,
    longest,
    parse_curriculum,
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


def at(length: int) -> CurriculumState:
    return CurriculumState((TaskState(length),))


def drawn(
    config: CurriculumConfig, length: int, valid: ValidLength, rng: np.random.Generator, batch: int
) -> list[Draw]:
    """Draws for a curriculum of one task."""
    return draw(config, at(length), [valid], rng, batch)


def updated(config: CurriculumConfig, state: CurriculumState, sequence_error: float) -> CurriculumState:
    """Updates a curriculum of one task with odd lengths."""
    return update(config, state, [odd], [sequence_error])


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
    counts = Counter(made.longest for _ in range(count) for made in drawn(PUBLISHED, current, valid, rng, 4))
    expected = exact_distribution(PUBLISHED, current, valid)
    assert set(counts) <= set(expected)
    assert len(expected) == sum(map(valid, range(5, 42)))
    result = chisquare([counts[length] for length in expected], [count * chance for chance in expected.values()])
    assert result.pvalue > 1e-3


def test_a_draw_fills_the_smallest_bucket_with_one_length() -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        (made,) = drawn(PUBLISHED, 41, odd, rng, 32)
        (length,) = made.lengths
        assert made == Draw(0, made.bucket, {length: 32})
        assert made.bucket == min(bucket for bucket in PUBLISHED.buckets if bucket >= length)


def test_length_grows_over_the_valid_ones_and_stops_at_the_longest() -> None:
    state = initial_state(PUBLISHED, [odd])
    seen = [state.length]
    for _ in range(18):
        state = updated(PUBLISHED, state, 0.15)
        seen.append(state.length)
    assert seen == [8, *range(9, 42, 2), 41]
    assert longest(PUBLISHED, odd) == 41
    assert longest(replace(PUBLISHED, max_length=40), odd) == 39


@pytest.mark.parametrize("config", [PUBLISHED, BUCKETS], ids=["growth", "buckets"])
def test_nothing_moves_on_above_the_error_bound(config: CurriculumConfig) -> None:
    state = initial_state(config, [odd])
    assert updated(config, state, 0.1501) == CurriculumState((TaskState(state.length, epochs=1),))
    assert updated(config, state, 0.15).length > state.length


def test_buckets_open_one_after_the_other() -> None:
    state = initial_state(BUCKETS, [odd])
    rng = np.random.default_rng(3)
    opened = []
    for _ in range(4):
        opened.append([made.bucket for made in draw(BUCKETS, state, [odd], rng, 5)])
        state = updated(BUCKETS, state, 0.1)
    assert opened == [[8], [8, 12], [8, 12, 16], [8, 12, 16]]
    assert longest(BUCKETS, odd) == 16


def test_a_seed_that_does_not_pass_the_proving_bucket_in_time_starts_over() -> None:
    config = replace(BUCKETS, proving_bucket=12, proving_epochs=2)

    def asked(errors: list[float]) -> list[bool]:
        state, answers = initial_state(config, [odd]), []
        for error in errors:
            state = updated(config, state, error)
            answers.append(starts_over(config, state))
        return answers

    assert asked([0.9] * 9) == [False] * 9, "the first bucket is given any time"
    assert asked([0.1, 0.9, 0.1, 0.9, 0.9, 0.9]) == [False] * 6, "passed in its second epoch"
    assert asked([0.1, 0.9, 0.9]) == [False, False, True]
    config = replace(BUCKETS, proving_bucket=8)
    assert asked([0.9, 0.9]) == [False, True]
    assert asked([0.9, 0.1, 0.9, 0.9]) == [False, False, False, True], "the longer ones prove, too"
    config = replace(BUCKETS, proving_bucket=16)
    assert asked([0.1, 0.1, *[0.9] * 5]) == [False] * 7, "the last bucket proves nothing"


def test_buckets_are_filled_with_the_longest_length_that_fits_and_a_share_of_shorter_ones() -> None:
    rng = np.random.default_rng(4)
    full = drawn(BUCKETS, 16, odd, rng, 10)
    assert [made.lengths for made in full] == [{7: 10}, {11: 10}, {15: 10}]
    mixed = replace(BUCKETS, shorter_share=0.3)
    counts: Counter[int] = Counter()
    for _ in range(400):
        made = drawn(mixed, 8, odd, rng, 10)[0]
        assert sum(made.lengths.values()) == 10
        counts.update(made.lengths)
    # 30% of the inputs are drawn evenly from 3, 5 and 7; the others are 7 long.
    assert chisquare([counts[3], counts[5], counts[7]], [400, 400, 3200]).pvalue > 1e-3


def test_seeds_with_equal_states_draw_the_same_and_others_draw_close_lengths() -> None:
    def lengths(current: int, shift: int) -> np.ndarray:
        return np.array(
            [drawn(PUBLISHED, current, odd, np.random.default_rng(step + shift), 1)[0].longest for step in range(1500)]
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
        drawn(PUBLISHED, 8, lambda length: False, np.random.default_rng(0), 1)
    with pytest.raises(UserError, match="bucket 8"):
        drawn(BUCKETS, 8, lambda length: length > 8, np.random.default_rng(0), 1)


CHAIN = CurriculumConfig(tasks=("bmul", "qmul", "fmul", "mul"), max_length=41)
FOUR = [odd] * 4


def chain(*solved: bool, length: int = 41) -> CurriculumState:
    return CurriculumState(tuple(TaskState(length, solved=of_task) for of_task in solved))


SECOND = chain(True, False, False, True)
ALL = chain(True, True, True, True)


@pytest.mark.parametrize(
    ("moves", "second", "all_solved"),
    [
        ("revisit_all", [0.05, 0.85, 0.05, 0.05], [0.25] * 4),
        ("revisit_all_and_shrink", [0.05, 0.85, 0.05, 0.05], [0.25] * 4),
        ("in_order", [0, 1, 0, 0], [0, 0, 0, 1]),
        ("revisit_unsolved", [0, 0.9, 0.1, 0], [0.25] * 4),
        ("unsolved_then_last", [0, 0.9, 0.1, 0], [0, 0, 0, 1]),
        ("mixed", [0.25] * 4, [0.25] * 4),
    ],
)
def test_tasks_of_a_chain_are_drawn_with_the_published_chances(
    moves: Moves, second: list[float], all_solved: list[float]
) -> None:
    config, count = replace(CHAIN, moves=moves), 4000
    for state, chances in ((SECOND, second), (ALL, all_solved)):
        rng = np.random.default_rng(5)
        counts = Counter(draw(config, state, FOUR, rng, 1)[0].task for _ in range(count))
        possible = [task for task, chance in enumerate(chances) if chance]
        assert set(counts) == set(possible)
        if len(possible) > 1:
            expected = [count * chances[task] for task in possible]
            assert chisquare([counts[task] for task in possible], expected).pvalue > 1e-3


def test_every_task_grows_and_is_solved_by_its_own_error() -> None:
    state = initial_state(replace(CHAIN, max_length=9), FOUR)
    assert state == CurriculumState((TaskState(8),) * 4)
    config = replace(CHAIN, max_length=9)
    state = update(config, state, FOUR, [0.1, None, 0.2, 0.15])
    assert state.tasks == (TaskState(9), TaskState(8), TaskState(8, epochs=1), TaskState(9))
    assert (state.learning, state.solved, complete(config, state, FOUR)) == (0, 0, False)
    state = update(config, state, FOUR, [0.1, 0.1, 0.1, 0.2])
    assert [task.solved for task in state.tasks] == [True, False, False, False]
    assert (state.learning, state.solved, complete(config, state, FOUR)) == (1, 1, True)
    state = update(config, state, FOUR, [0.9, 0.1, 0.1, 0.1])
    assert [task.solved for task in state.tasks] == [True] * 4, "who has solved a task stays so"
    assert (state.learning, state.length, state.solved) == (3, 9, 4)


def test_a_shrinking_chain_goes_back_where_the_longest_inputs_are_not_right() -> None:
    config = replace(CHAIN, moves="revisit_all_and_shrink", tasks=("badd", "add"))
    both, state = [odd, odd], chain(True, False)
    state = update(config, state, both, [0.011, 0.01])
    assert state.tasks == (TaskState(39), TaskState(41, epochs=1, solved=True))
    assert state.learning == 0
    state = update(config, state, both, [0.1, 0.01])
    assert state.tasks[0] == TaskState(41), "shorter inputs need not be better than the bound for moving on"
    assert update(CHAIN, chain(True), [odd], [0.9]).tasks[0].length == 41, "no other way shrinks"
    buckets = replace(BUCKETS, moves="revisit_all_and_shrink")
    assert update(buckets, CurriculumState((TaskState(16),)), [odd], [0.011]).tasks == (TaskState(12),)
    # A length that the curriculum started with is the shortest it goes back to.
    assert update(replace(config, max_length=9), at(9), [odd], [0.5]).tasks == (TaskState(9, epochs=1),)


def test_a_task_whose_inputs_are_all_longer_than_the_start_begins_with_its_shortest() -> None:
    state = initial_state(PUBLISHED, [odd, lambda length: length >= 20])
    assert [task.length for task in state.tasks] == [8, 20]


def test_only_the_first_task_of_a_chain_is_proved() -> None:
    config = replace(BUCKETS, proving_bucket=12, proving_epochs=1, tasks=("badd", "add"))
    late = TaskState(12, epochs=5)
    assert starts_over(config, CurriculumState((late, TaskState(8))))
    assert not starts_over(config, CurriculumState((TaskState(16, solved=True), late)))


def test_the_curriculum_is_written_as_a_chain_or_a_mixture() -> None:
    assert parse_curriculum(" bmul>qmul > mul ") == {"tasks": ["bmul", "qmul", "mul"]}
    assert parse_curriculum("badd + bmul") == {"tasks": ["badd", "bmul"], "moves": "mixed"}
    assert parse_curriculum("badd") == {"tasks": ["badd"]}
    for nonsense in ("", ">", "badd >", "badd > bmul + mul", "badd >> mul"):
        with pytest.raises(UserError, match="'bmul > qmul > mul'"):
            parse_curriculum(nonsense)
    with pytest.raises(UserError, match="twice"):
        replace(CHAIN, tasks=("badd", "badd"))

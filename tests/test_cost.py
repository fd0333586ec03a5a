import math
from dataclasses import replace

import pytest

from neuralgpu import cost
from neuralgpu.config import RunConfig
from neuralgpu.cost import check_evaluation, check_training, operations
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig

SMALLEST = ModelConfig(channels=1, height=1, layers=1, kernel=3)


def test_operations_by_hand() -> None:
    # 2 steps, 2 positions, 3 convolutions, each a multiplication and an addition for 3 inputs and 1 channel.
    assert operations(SMALLEST, 2) == 2 * 2 * 3 * 2 * 3
    tall = ModelConfig(channels=1, height=4, layers=1, kernel=3)
    assert operations(tall, 2) == operations(SMALLEST, 2) * 4 * 3


def test_attention_looks_at_every_position_in_every_step() -> None:
    model = replace(SMALLEST, height=2, global_operation="attention", attention_width=5)
    # 3 steps, 3 positions, 3 others: a product of 5 numbers and a sum of 2, each with an addition.
    assert operations(model, 3) - operations(replace(model, global_operation="none"), 3) == 3 * 3 * 3 * 2 * (5 + 2)
    assert model.numbers_a_position(100) - replace(model, global_operation="shift").numbers_a_position(100) == 100


def test_operations_of_other_models() -> None:
    assert operations(replace(SMALLEST, cell="residual"), 2) == operations(SMALLEST, 2) / 3
    assert operations(replace(SMALLEST, task_channels=4), 2) == 5 * operations(SMALLEST, 2)
    assert operations(replace(SMALLEST, steps_scale=1.5), 2) == 1.5 * operations(SMALLEST, 2)


def test_growth_of_operations() -> None:
    model = ModelConfig()
    assert operations(model, 82) == 4 * operations(model, 41)
    assert operations(ModelConfig(channels=48), 41) == 4 * operations(model, 41)
    assert operations(ModelConfig(layers=4), 41) == 2 * operations(model, 41)


@pytest.mark.parametrize("bounds", [[(401, 256)], [(25, 10_000_000)], [(100_000, 1)]])
def test_what_a_working_day_holds_is_allowed(monkeypatch: pytest.MonkeyPatch, bounds: list[tuple[int, int]]) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 10**12)
    check_evaluation(SMALLEST, 1, bounds)


@pytest.mark.parametrize(
    ("lengths_and_counts", "seeds"),
    [([(100_001, 256)], 1), ([(41, 10**9)], 1), ([(401, 256)], 10**6), ([(25, 1), (10**50 + 1, 1)], 1)],
)
def test_absurd_evaluations_are_refused(lengths_and_counts: list[tuple[int, int]], seeds: int) -> None:
    with pytest.raises(UserError, match=r"hours on two cores; use a smaller --length or --count\.$") as caught:
        check_evaluation(ModelConfig(), seeds, lengths_and_counts)
    assert str(max(lengths_and_counts)[0]) in str(caught.value)


def test_where_states_rest_the_first_steps_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 10**12)
    model = replace(SMALLEST, channels=48, copies=1)
    bounds = [(200_001, 4)]
    with pytest.raises(UserError, match="hours"):
        check_evaluation(model, 1, bounds)
    check_evaluation(replace(model, rounding=8), 1, bounds)
    with pytest.raises(UserError, match="hours"):
        check_evaluation(replace(model, rounding=8), 1, [(200_001, 10_000)])


def test_the_sum_of_all_questions_counts() -> None:
    model = ModelConfig()
    most = int(2e15 / operations(model, 401))
    check_evaluation(model, 1, [(401, most // 2), (401, most // 2)])
    with pytest.raises(UserError):
        check_evaluation(model, 1, [(401, most // 2), (401, most // 2), (401, most // 2)])


def test_evaluations_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 10**6)
    with pytest.raises(UserError, match=r"^One input of length 401 needs .* use a smaller --length\.$"):
        check_evaluation(ModelConfig(), 1, [(401, 1)])
    with pytest.raises(UserError, match=r"^Keeping 5000 inputs needs .* use a smaller --count\.$"):
        check_evaluation(SMALLEST, 1, [(3, 5000)])


def test_presets_can_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 8 * 10**9)
    check_training(RunConfig(task="badd"))


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(task="badd", model=ModelConfig(channels=4096)),
        RunConfig(task="badd", batch=65_536, seeds=tuple(range(64))),
        RunConfig(task="badd", curriculum=CurriculumConfig(kind="buckets", buckets=(8, 2048)), batch=4096),
    ],
)
def test_absurd_training_is_refused(config: RunConfig) -> None:
    with pytest.raises(UserError, match=r"minutes on two cores; use fewer --seeds, or smaller batch"):
        check_training(config)


def test_training_beyond_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 48**2 * 32 * 4 * 24 * 4  # of bucket 48: steps x positions, batch, height, channels, bytes
    monkeypatch.setattr(cost, "memory_bytes", lambda: math.ceil(needed / 0.8))
    check_training(RunConfig(task="badd"))
    monkeypatch.setattr(cost, "memory_bytes", lambda: math.floor(needed / 0.8) - 1)
    with pytest.raises(UserError, match=r"^A training step needs about .* use fewer --seeds.* or --memory treeverse:8"):
        check_training(RunConfig(task="badd"))
    check_training(RunConfig(task="badd", memory="treeverse:47"))
    check_training(RunConfig(task="badd", memory="auto"))
    check_training(RunConfig(task="badd", microbatch=16))


def test_seeds_that_take_turns_need_no_more_memory_than_their_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "cores", lambda: 2)
    monkeypatch.setattr(cost, "memory_bytes", lambda: 8 * 10**9)
    paper = RunConfig(task="badd", seeds=tuple(range(1121)))
    check_training(paper)
    wide = replace(paper, model=ModelConfig(channels=128))
    with pytest.raises(
        UserError, match=r"^Training 1121 seeds needs about 143 GB .* use fewer --seeds, in several runs"
    ):
        check_training(wide)
    with pytest.raises(UserError, match="minutes on two cores; use fewer --seeds"):
        check_training(replace(paper, group=1121))


def test_only_buckets_that_hold_training_inputs_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "memory_bytes", lambda: 10**8)
    check_training(RunConfig(task="badd", curriculum=CurriculumConfig(kind="buckets", buckets=(8, 41, 2048))))


def test_an_option_of_another_name_is_named() -> None:
    with pytest.raises(UserError, match=r"hours on two cores; use a smaller --longest\.$"):
        check_evaluation(ModelConfig(), 1, [(100_000, 1)], ("--longest",))

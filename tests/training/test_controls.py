"""What changes between epochs: learning rate, pull, saturation weight, lengths."""

import math
from dataclasses import replace

import pytest

from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig, CurriculumState, TaskState
from neuralgpu.model.config import ModelConfig
from neuralgpu.tasks import find_task
from neuralgpu.training.controls import (
    Controls,
    EpochStatistics,
    after_epoch,
    epoch_told,
    initial_controls,
    last_step,
    learning_rate,
    noise,
)

VALID = [find_task("badd").valid_length]
CLASSIC = RunConfig(task="badd")
DIAGONAL = RunConfig(
    task="badd",
    steps=5000,
    model=ModelConfig(cell="diagonal", copies=1, channels=96),
    optimiser=OptimiserConfig(name="adamax", learning_rate=0.01),
)
FALLING = replace(
    CLASSIC,
    steps=1000,
    curriculum=CurriculumConfig(max_length=9),
    optimiser=OptimiserConfig(schedule="falling", fall_below=0.1, fall_steps=100),
)


def failing(loss: float) -> EpochStatistics:
    return EpochStatistics(loss, 0.9, 0.0)


def rates_after(config: RunConfig, epochs: list[EpochStatistics]) -> list[float]:
    """Returns the learning rate after each epoch, over the first one."""
    controls, rates = initial_controls(config, VALID), []
    first = controls.learning_rate
    for statistics in epochs:
        controls, _ = after_epoch(config, controls, [statistics], VALID, 200)
        rates.append(controls.learning_rate / first)
    return rates


def test_adam_s_rate_falls_when_perplexity_is_above_all_of_the_last_three() -> None:
    losses = [1.0, 2.0, 3.0, 2.9, 3.1, 3.1, 3.2]
    # The fourth is below the third, the fifth above all three, the sixth equal to the largest, the seventh above it.
    expected = [1, 1, 1, 1, 0.98, 0.98, 0.98**2]
    assert rates_after(CLASSIC, [failing(loss) for loss in losses]) == pytest.approx(expected)


def test_an_extension_forgives_the_next_three_epochs() -> None:
    epochs = [failing(1.0), failing(1.0), failing(1.0), EpochStatistics(0.9, 0.1, 0.0)]
    epochs += [failing(2.0), failing(3.0), failing(4.0), failing(5.0)]
    assert rates_after(CLASSIC, epochs) == pytest.approx([1, 1, 1, 1, 1, 1, 1, 0.98])


def test_a_loss_beyond_any_perplexity_does_not_overflow() -> None:
    controls, _ = after_epoch(CLASSIC, initial_controls(CLASSIC, VALID), [failing(1e6)], VALID, 200)
    assert all(math.isfinite(perplexity) for perplexity in controls.history)


def test_adamax_s_rate_falls_by_30_percent_when_it_stops_improving_down_to_a_60th() -> None:
    losses = [5.0, 4.0, 3.0, 3.1, 3.2, 2.0, 2.1, 2.2]
    expected = [1, 1, 1, 1, 0.7, 0.7, 0.7, 0.49]
    assert rates_after(DIAGONAL, [failing(loss) for loss in losses]) == pytest.approx(expected)
    rising = [failing(float(loss)) for loss in range(60)]
    assert rates_after(DIAGONAL, rising)[-1] == pytest.approx(1 / 60)


def test_adamax_s_rate_is_given_for_48_channels() -> None:
    assert initial_controls(DIAGONAL, VALID).learning_rate == pytest.approx(0.005)
    assert initial_controls(CLASSIC, VALID).learning_rate == 0.001


def test_the_pull_grows_until_it_is_a_tenth_then_copies_are_averaged() -> None:
    controls, pulls, averages = initial_controls(CLASSIC, VALID), [], []
    for _ in range(33):
        controls, average = after_epoch(CLASSIC, controls, [EpochStatistics(0.1, 0.15, 0.0)], VALID, 200)
        pulls.append(controls.pull)
        averages.append(average)
    growing = [0.0005 * 1.2**epoch for epoch in range(1, 31)]
    assert growing[-2] < 0.1 <= growing[-1]
    assert pulls == pytest.approx([*growing, *[growing[-1]] * 3])
    assert averages == [False] * 30 + [True] * 3


def test_neither_pull_nor_copies_move_while_the_error_is_above_the_bound() -> None:
    for pull in (0.0005, 0.2):
        controls = replace(initial_controls(CLASSIC, VALID), pull=pull)
        assert after_epoch(CLASSIC, controls, [EpochStatistics(0.1, 0.16, 0.0)], VALID, 200)[1] is False
        assert after_epoch(CLASSIC, controls, [EpochStatistics(0.1, 0.16, 0.0)], VALID, 200)[0].pull == pull


def test_one_copy_is_never_averaged() -> None:
    single = replace(CLASSIC, model=ModelConfig(copies=1))
    controls = replace(initial_controls(single, VALID), pull=0.2)
    after, average = after_epoch(single, controls, [EpochStatistics(0.1, 0.0, 0.0)], VALID, 200)
    assert not average
    assert after.pull == 0.2


@pytest.mark.parametrize(
    ("saturation", "expected"), [(0.4, 0.005 * 0.02 / 0.4), (1e-9, 1e-3), (1e30, 1e-20), (0.0, 7e-4)]
)
def test_the_saturation_weight_balances_the_cost_with_rate_times_loss(saturation: float, expected: float) -> None:
    controls = replace(initial_controls(DIAGONAL, VALID), saturation_weight=7e-4)
    after, _ = after_epoch(DIAGONAL, controls, [EpochStatistics(0.02, 0.9, saturation)], VALID, 200)
    assert after.saturation_weight == pytest.approx(expected)


@pytest.mark.parametrize(
    "config",
    [CLASSIC, replace(DIAGONAL, optimiser=replace(DIAGONAL.optimiser, saturation_schedule="constant"))],
    ids=["cgru", "constant"],
)
def test_a_saturation_weight_that_is_not_adapted_stays(config: RunConfig) -> None:
    after, _ = after_epoch(config, initial_controls(config, VALID), [EpochStatistics(0.02, 0.9, 0.4)], VALID, 200)
    assert after.saturation_weight == config.optimiser.saturation_weight == 1e-3


@pytest.mark.parametrize(
    ("until", "remains"),
    [("end", [True, True, True]), ("learned", [True, True, False]), ("opened", [False, False, False])],
)
def test_the_saturation_cost_ends_where_the_settings_say(until: str, remains: list[bool]) -> None:
    """Three epochs: the last but one length, then the longest with a large and with a small error."""
    optimiser = replace(DIAGONAL.optimiser, schedule="falling", saturation_until=until)
    config = replace(DIAGONAL, optimiser=optimiser, curriculum=CurriculumConfig(max_length=9))
    controls, weighs = initial_controls(config, VALID), []
    controls = replace(controls, curriculum=CurriculumState((TaskState(7),)))
    for step, error in ((200, 0.2), (400, 0.0), (600, 0.2), (800, 0.0)):
        controls, _ = after_epoch(config, controls, [EpochStatistics(0.02, error, 0.1)], VALID, step)
        weighs.append(controls.saturation_weight > 0)
    assert weighs[0] and weighs[1:] == remains


def test_a_saturation_weight_of_0_stays_0() -> None:
    config = replace(DIAGONAL, optimiser=replace(DIAGONAL.optimiser, saturation_weight=0.0))
    after, _ = after_epoch(config, initial_controls(config, VALID), [EpochStatistics(0.02, 0.9, 0.4)], VALID, 200)
    assert after.saturation_weight == 0


def learned(step: int) -> Controls:
    return replace(initial_controls(FALLING, VALID), learned_at=step)


def test_a_falling_rate_is_constant_until_learned_then_falls_linearly_to_0() -> None:
    start = initial_controls(FALLING, VALID)
    assert learning_rate(FALLING, start, 500) == 0.001
    assert [learning_rate(FALLING, learned(500), step) for step in (500, 525, 599, 600, 700)] == pytest.approx(
        [0.001, 0.00075, 0.00001, 0, 0]
    )
    assert last_step(FALLING, learned(500)) == 600


def test_a_falling_rate_reaches_0_at_the_last_step_at_the_latest() -> None:
    for controls in (initial_controls(FALLING, VALID), learned(980)):
        assert last_step(FALLING, controls) == 1000
        assert [learning_rate(FALLING, controls, step) for step in (900, 950, 999)] == pytest.approx(
            [0.001, 0.0005, 0.00001]
        )


def test_learned_means_the_longest_inputs_below_the_bound_and_is_said_once() -> None:
    controls = initial_controls(FALLING, VALID)
    seen = []
    for step, error in ((100, 0.0), (200, 0.11), (300, 0.1), (400, 0.0)):
        controls, _ = after_epoch(FALLING, controls, [EpochStatistics(0.1, error, 0.0)], VALID, step)
        seen.append((controls.curriculum.length, controls.learned_at))
    assert seen == [(9, None), (9, None), (9, 300), (9, 300)]


def test_a_curriculum_that_starts_beyond_the_longest_valid_length_can_be_learned() -> None:
    config = replace(FALLING, curriculum=CurriculumConfig(max_length=8, start_length=8))
    after, _ = after_epoch(config, initial_controls(config, VALID), [EpochStatistics(0.1, 0.05, 0.0)], VALID, 300)
    assert (after.curriculum.length, after.learned_at) == (8, 300)


NOISY = replace(FALLING, model=ModelConfig(noise=0.2, noise_steps=40))


def test_noise_is_constant_unless_a_schedule_is_named() -> None:
    assert [noise(NOISY, learned(500), step) for step in (0, 500, 599, 700)] == [0.2] * 4


def test_rising_noise_takes_its_steps() -> None:
    config = replace(NOISY, model=replace(NOISY.model, noise_schedule="rising"))
    noises = [noise(config, initial_controls(config, VALID), step) for step in (0, 10, 39, 40, 900)]
    assert noises == pytest.approx([0, 0.05, 0.195, 0.2, 0.2])


def test_noise_follows_the_curriculum() -> None:
    config = replace(NOISY, model=replace(NOISY.model, noise_schedule="curriculum"))
    controls = [
        replace(initial_controls(config, VALID), curriculum=CurriculumState((TaskState(length),)))
        for length in (3, 9, 12)
    ]
    assert [noise(config, control, 700) for control in controls] == pytest.approx([0.2 / 3, 0.2, 0.2])


def test_noise_falls_with_the_rate() -> None:
    model = replace(NOISY.model, noise_schedule="rate")
    falling, published = replace(NOISY, model=model), replace(DIAGONAL, model=replace(model, channels=96))
    assert [noise(falling, learned(500), step) for step in (0, 500, 575)] == pytest.approx([0.2, 0.2, 0.05])
    lower = replace(initial_controls(published, VALID), learning_rate=0.005 * 0.7)
    assert [noise(published, control, 9) for control in (initial_controls(published, VALID), lower)] == pytest.approx(
        [0.2, 0.14]
    )
    still = replace(falling, optimiser=replace(falling.optimiser, learning_rate=0.0))
    assert noise(still, initial_controls(still, VALID), 0) == 0.2


def test_a_falling_rate_does_not_follow_the_published_rule() -> None:
    assert rates_after(FALLING, [failing(float(loss)) for loss in range(10)]) == [1] * 10


def test_a_published_rate_does_not_fall_with_the_step() -> None:
    assert learning_rate(CLASSIC, initial_controls(CLASSIC, VALID), 39_999) == 0.001
    assert last_step(CLASSIC, replace(initial_controls(CLASSIC, VALID), learned_at=10)) == 40_000


def test_lengths_grow_with_the_epochs() -> None:
    controls = initial_controls(CLASSIC, VALID)
    assert controls.curriculum.length == 8
    controls, _ = after_epoch(CLASSIC, controls, [EpochStatistics(0.1, 0.15, 0.0)], VALID, 200)
    assert controls.curriculum.length == 9
    controls, _ = after_epoch(CLASSIC, controls, [failing(0.1)], VALID, 400)
    assert controls.curriculum.length == 9


def test_a_seed_that_starts_over_has_the_first_controls_again() -> None:
    curriculum = CurriculumConfig(
        kind="buckets", start_length=8, buckets=(8, 12, 41), proving_bucket=12, proving_epochs=1, advance_below=0.5
    )
    config = replace(DIAGONAL, curriculum=curriculum)
    controls = initial_controls(config, VALID)
    for attempt in (1, 2):
        controls, _ = after_epoch(config, controls, [EpochStatistics(0.01, 0.1, 5.0)], VALID, 200)
        assert (controls.curriculum.length, controls.attempt) == (12, attempt - 1)
        assert controls.saturation_weight != initial_controls(config, VALID).saturation_weight
        controls, average = after_epoch(config, controls, [EpochStatistics(0.01, 0.9, 5.0)], VALID, 400)
        assert controls == replace(initial_controls(config, VALID), attempt=attempt)
        assert not average


CHAIN = replace(
    FALLING,
    task="add",
    curriculum=CurriculumConfig(tasks=("badd", "add"), max_length=9),
    optimiser=replace(FALLING.optimiser, schedule="published"),
)
TWO = [VALID[0]] * 2


def chain_controls(config: RunConfig, *tasks: TaskState) -> Controls:
    return replace(initial_controls(config, TWO), curriculum=CurriculumState(tasks))


def test_everything_but_the_lengths_follows_the_task_being_learned() -> None:
    controls = chain_controls(CHAIN, TaskState(9), TaskState(9))
    good, bad = EpochStatistics(0.1, 0.1, 0.0), EpochStatistics(0.5, 0.9, 0.0)
    after, _ = after_epoch(CHAIN, controls, [good, bad], TWO, 200)
    assert after.pull > controls.pull
    assert after.history == pytest.approx((math.exp(0.1), 1000.0)), "moving on to the next task forgives"
    assert [task.solved for task in after.curriculum.tasks] == [True, False]
    after, _ = after_epoch(CHAIN, controls, [bad, good], TWO, 200)
    assert after.pull == controls.pull
    assert after.history == pytest.approx((math.exp(0.5),))
    assert [task.solved for task in after.curriculum.tasks] == [False, True]


def test_an_epoch_without_the_task_being_learned_tells_of_another() -> None:
    state = CurriculumState((TaskState(9), TaskState(9)))
    only_last = EpochStatistics(0.1, 0.1, 0.0)
    assert epoch_told(state, [None, only_last]) == (1, only_last)
    with pytest.raises(ValueError, match="without a step"):
        epoch_told(state, [None, None])


def test_a_chain_s_rate_falls_when_its_last_task_and_all_that_were_tried_are_learned() -> None:
    config = replace(CHAIN, optimiser=FALLING.optimiser)
    low, high = EpochStatistics(0.1, 0.1, 0.0), EpochStatistics(0.1, 0.11, 0.0)
    longest, shorter = TaskState(9, solved=True), TaskState(8)
    for tasks, statistics, learned_at in (
        ((longest, longest), [None, low], 300),
        ((longest, longest), [low, low], 300),
        ((longest, longest), [high, low], None),
        ((longest, longest), [low, None], None),
        ((shorter, longest), [None, low], None),
    ):
        assert after_epoch(config, chain_controls(config, *tasks), statistics, TWO, 300)[0].learned_at == learned_at

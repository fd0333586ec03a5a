"""The schedule of few stored states against the paper's recurrence and a run on numbers."""

from functools import cache

import pytest

from neuralgpu.model.treeverse import evaluations, schedule


@cache
def optimum(steps: int, states: int) -> int:
    """C(t, m) of Gruslys et al. 2016: the steps evaluated to reverse t steps with m stored hidden states."""
    if states == 1:
        return steps * (steps + 1) // 2
    if states >= steps:
        return 2 * steps - 1
    return min(y + optimum(steps - y, states - 1) + optimum(y, states) for y in range(1, steps))


@pytest.mark.parametrize("states", [1, 2, 3, 4, 5, 8, 16, 32, 64])
def test_the_schedule_evaluates_as_few_steps_as_the_recurrence_allows(states: int) -> None:
    for steps in range(1, 65):
        assert evaluations(steps, states) == optimum(steps, states) + 1


@pytest.mark.parametrize(("steps", "states"), [(1, 1), (7, 1), (48, 2), (48, 8), (64, 64), (402, 5), (402, 20)])
def test_every_step_gets_its_state_from_the_slots_there_are(steps: int, states: int) -> None:
    slots: dict[int, int] = {0: 0}  # each holds the number of the step that its state stands before
    for step in reversed(range(steps)):
        sweep = schedule(steps, states)[step]
        for leg in sweep.legs:
            assert slots[leg.load] == leg.first < leg.last
            assert 0 < leg.store < states
            slots[leg.store] = leg.last
        assert slots[sweep.load] == sweep.first <= step
    assert len(slots) <= states
    assert slots[0] == 0


def test_more_states_than_steps_change_nothing() -> None:
    assert schedule(9, 100) == schedule(9, 9)
    assert evaluations(9, 9) == 18

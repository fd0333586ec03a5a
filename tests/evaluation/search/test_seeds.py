from itertools import product

import numpy as np
import pytest

from neuralgpu.evaluation.search.mutation import Mutator
from neuralgpu.evaluation.search.seeds import short_inputs, signs_of, structured
from neuralgpu.evaluation.search.texts import length_of, normal
from neuralgpu.evaluation.suites import suites_for
from neuralgpu.tasks import find_task

TASKS = ["addz", "badde", "div", "exprasmd", "dup", "3badd", "sbadd"]


def test_all_short_sums_are_among_the_first() -> None:
    numbers = [["".join(digits) for digits in product("01", repeat=count)] for count in range(1, 6)]
    assert set(short_inputs(find_task("badd"), 101)) == {f"{a}+{b}" for of in numbers for a, b in product(of, of)}
    assert max(map(len, short_inputs(find_task("badd"), 7))) == 7


@pytest.mark.parametrize("name", ["bexpras", "bexprasmd", "bsub", "qdivz"])
def test_all_short_inputs_with_every_sign_are_among_the_first(name: str) -> None:
    task = find_task(name)
    found = short_inputs(task, 5)
    texts = (
        "".join(characters)
        for size in (1, 2, 3)
        for characters in product("0123"[: task.base] + signs_of(task), repeat=size)
    )
    assert {text for text in texts if normal(task, text) == text} == {text for text in found if len(text) <= 3}


@pytest.mark.parametrize("name", TASKS)
def test_every_input_is_one_of_the_task_in_its_normal_form(name: str) -> None:
    task = find_task(name)
    mutator, rng = Mutator(task, 25), np.random.default_rng(0)
    found = [text for texts in structured(task, 13, 0) for text in texts][:60]
    children = [mutator.child(text, rng) for text in found]
    assert len([child for child in children if child is not None]) > len(found) / 2
    for text in [*found, *filter(None, children)]:
        assert normal(task, text) == text
        assert length_of(task, text) <= 25


def test_every_suite_that_fits_is_asked_and_the_seed_decides() -> None:
    task = find_task("mul")
    first, again, other = ([*structured(task, 14, seed)] for seed in (0, 0, 1))
    assert first == again != other
    assert {suite for texts in first for suite in texts.values()} == {suite.name for suite in suites_for(task)}

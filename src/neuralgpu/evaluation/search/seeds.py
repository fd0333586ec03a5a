"""Where the search begins: every short input, then the suites that fit the task, from small sizes to large ones."""

import re
from collections.abc import Iterator
from itertools import product

import numpy as np

from neuralgpu.evaluation.search.texts import length_of, normal, normal_ones
from neuralgpu.evaluation.suites import suites_for
from neuralgpu.tasks import Task
from neuralgpu.tasks.symbols import OPERATORS

EXHAUSTIVE = "exhaustive"
"""What found an input that was met among all the short ones."""
_SHORT_INPUTS = 2000
_OF_A_SIZE = 16
_SHORTEST, _GROWTH = 5, 1.35
_SEED_STREAM = 0x42524541


def short_inputs(task: Task, longest: int) -> list[str]:
    """Returns all inputs up to some length, as many whole lengths as have at most a few thousand inputs together."""
    found: list[str] = []
    for length in range(1, longest + 1):
        forms = list(_forms(task, length))
        digits = [sum(character == "d" for character in form) for form in forms]
        if len(found) + sum(task.base**count for count in digits) > _SHORT_INPUTS:
            break
        found += normal_ones(task, (text for form in forms for text in _filled(form, task.base)))
    return [text for text in dict.fromkeys(found) if length_of(task, text) <= longest]


def structured(task: Task, longest: int, seed: int) -> Iterator[dict[str, str]]:
    """Yields inputs of all suites, one range of lengths after the other, with the names of their suites."""
    suites, asked = suites_for(task), set[tuple[str, int]]()
    for length in lengths_up_to(longest):
        found: dict[str, str] = {}
        for number, suite in enumerate(suites):
            sizes = suite.sizes(task, length)
            if not sizes or (suite.name, sizes[-1]) in asked:
                continue
            asked.add((suite.name, sizes[-1]))
            rng = np.random.default_rng([_SEED_STREAM, seed, number, sizes[-1]])
            examples = suite.examples(task, sizes[-1], _OF_A_SIZE, rng)
            for text in normal_ones(task, (example.input for example in examples)):
                found.setdefault(text, suite.name)
        if found:
            yield found


def lengths_up_to(longest: int) -> list[int]:
    """Returns the lengths that suites are asked at, each about a third above the one before.

    >>> lengths_up_to(25)
    [5, 7, 10, 14, 19, 25]
    """
    lengths = [min(_SHORTEST, longest)]
    while lengths[-1] < longest:
        lengths.append(min(int(lengths[-1] * _GROWTH) + 1, longest))
    return lengths


def _forms(task: Task, length: int) -> Iterator[str]:
    """Yields what texts of a length may look like, 'd' for a digit, as far as they lie on the grid as written."""
    signs = signs_of(task)
    forms = [""]
    for place in range(length):
        inside = 0 < place < length - 1
        forms = [
            form + character for form in forms for character in ("d", *(signs if inside and form[-1] == "d" else ""))
        ]
        if len(forms) > _SHORT_INPUTS:
            return
    for form in forms:
        # Nothing is divided by zero, and nothing but zero subtracted.
        text = re.sub("-?d+", lambda number: number[0].replace("d", "0" if number[0][0] == "-" else "1"), form)
        if normal(task, text) == text:
            yield form


def _filled(form: str, base: int) -> Iterator[str]:
    for digits in product("0123456789"[:base], repeat=form.count("d")):
        left = iter(digits)
        yield "".join(next(left) if character == "d" else character for character in form)


def signs_of(task: Task) -> str:
    """Returns the operators that a task's inputs are written with."""
    length = next(length for length in range(7, 100) if task.valid_length(length))
    examples = task.own_distribution().sample(np.random.default_rng(0), length, 64).grid
    written = set("".join(map(task.decode_input, examples)))
    return "".join(sign for sign in OPERATORS if sign in written)

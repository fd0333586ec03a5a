"""Random changes of inputs that make them regular in some way, or a little different."""

from collections.abc import Callable, Sequence

import numpy as np

from neuralgpu.evaluation.search.seeds import signs_of
from neuralgpu.evaluation.search.texts import Parts, columns, length_of, normal, number_from, taken_apart
from neuralgpu.tasks import Task

MUTATION = "mutation"
"""What found an input that is another one changed."""
_MOST_CHANGES = 3
_TRIES = 8
"""How often a parent is changed anew whose change is no input, or too long a one."""

Mutation = Callable[[Parts, int, np.random.Generator], str]


class Mutator:
    """Changes inputs of a task; the same generator gives the same changes."""

    def __init__(self, task: Task, longest: int) -> None:
        """Keeps to inputs of at most so many symbols."""
        self._task, self._longest, self._signs = task, longest, signs_of(task)

    def child(self, parent: str, rng: np.random.Generator) -> str | None:
        """Returns an input that differs from its parent by one to three changes; None where none was found."""
        for _ in range(_TRIES):
            text = parent
            for _ in range(int(rng.integers(1, _MOST_CHANGES + 1))):
                text = self._changed(text, rng)
            found = normal(self._task, text)
            if found not in (None, parent) and length_of(self._task, found) <= self._longest:
                return found
        return None

    def _changed(self, text: str, rng: np.random.Generator) -> str:
        parts = taken_apart(text)
        ways = [*_MUTATIONS, *([self._other_sign] if len(self._signs) > 1 and len(parts.numbers) > 1 else [])]
        return ways[int(rng.integers(len(ways)))](parts, self._task.base, rng)

    def _other_sign(self, parts: Parts, base: int, rng: np.random.Generator) -> str:
        place = int(rng.integers(1, len(parts.numbers)))
        sign = self._signs[int(rng.integers(len(self._signs)))]
        return Parts(parts.numbers, [*parts.between[:place], sign, *parts.between[place + 1 :]]).write(parts.numbers)


def flipped(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Draws one digit anew."""
    index = int(rng.integers(len(parts.numbers)))
    number = parts.numbers[index]
    column = int(rng.integers(len(number)))
    return parts.write_one(index, number_from(number, column, column + 1, str(rng.integers(base))))


def highest_run(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Writes the highest digit into a run of columns of one number, and zeros there into all others."""
    low, high = _run(parts, rng)
    chosen = int(rng.integers(len(parts.numbers)))
    return parts.write(
        [
            number_from(number, low, high, str(base - 1 if index == chosen else 0) * len(columns(number, low, high)))
            for index, number in enumerate(parts.numbers)
        ]
    )


def carried_on(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Lets a run of columns of a number and the next one add to the base less one, above a column that overflows."""
    if len(parts.numbers) < 2:
        return flipped(parts, base, rng)
    low, high = _run(parts, rng)
    index = int(rng.integers(len(parts.numbers) - 1))
    first, second = parts.numbers[index : index + 2]
    run = columns(first, low, high)
    complement = "".join(str(base - 1 - int(digit)) for digit in run)[: len(columns(second, low, high))]
    second = number_from(second, low, low + len(complement), complement)
    lowest = str(base - 1)
    pair = [number_from(number, low, low + 1, lowest) for number in (first, second)]
    return parts.write([*parts.numbers[:index], *pair, *parts.numbers[index + 2 :]])


def swapped(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Lets two numbers change places."""
    numbers = list(parts.numbers)
    first, second = rng.integers(len(numbers), size=2).tolist()
    numbers[first], numbers[second] = numbers[second], numbers[first]
    return parts.write(numbers)


def zero_prefix(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Clears the highest columns of all the numbers."""
    low, high = int(rng.integers(1, parts.width + 1)), parts.width
    return parts.write(
        [number_from(number, low, high, "0" * len(columns(number, low, high))) for number in parts.numbers]
    )


def inserted(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Puts columns into all the numbers: the digits around the place again, zeros, highest digits or random ones."""
    low, high = _run(parts, rng)
    count, kind = high - low, int(rng.integers(4))
    numbers: list[str] = []
    for number in parts.numbers:
        drawn = "".join(map(str, rng.integers(base, size=count).tolist()))
        again = columns(number, low, high)
        numbers.append(number_from(number, low, low, (again, "0" * count, str(base - 1) * count, drawn)[kind]))
    return parts.write(numbers)


def deleted(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Takes columns out of all the numbers."""
    low, high = _run(parts, rng)
    return parts.write([number_from(number, low, high, "") for number in parts.numbers])


def repeated(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Writes a number as its lowest digits over and over."""
    index = int(rng.integers(len(parts.numbers)))
    number = parts.numbers[index]
    period = number[-int(rng.integers(1, min(len(number), _MOST_CHANGES) + 1)) :]
    return parts.write_one(index, (period * len(number))[-len(number) :])


def extended(parts: Parts, base: int, rng: np.random.Generator) -> str:
    """Writes a number again behind the others, with the sign before it."""
    index = int(rng.integers(len(parts.numbers)))
    numbers = [*parts.numbers, parts.numbers[index]]
    sign = parts.between[max(index, 1)] if len(parts.numbers) > 1 else ""
    return Parts(numbers, [*parts.between[:-1], sign, parts.between[-1]]).write(numbers)


def _run(parts: Parts, rng: np.random.Generator) -> tuple[int, int]:
    """Draws a run of columns: where it begins, and where it ends."""
    low, high = np.sort(rng.integers(parts.width + 1, size=2)).tolist()
    return (low, high) if low < high else (max(low - 1, 0), max(low, 1))


_MUTATIONS: Sequence[Mutation] = (
    flipped,
    highest_run,
    carried_on,
    swapped,
    zero_prefix,
    inserted,
    deleted,
    repeated,
    extended,
)

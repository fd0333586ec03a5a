"""Ways to make an input smaller, from large steps to small ones."""

from collections.abc import Callable, Iterator

from neuralgpu.evaluation.search.texts import Parts, columns, normal_ones, number_from, size_of, taken_apart
from neuralgpu.tasks import Task

Level = tuple[Callable[[str, int, int], Iterator[str]], int]
"""A way to change a text of a base, and how many digits it changes at once."""


def levels(text: str) -> list[Level]:
    """Returns ways to reduce a text: fewer digits before smaller ones, halves before single digits."""
    most = len(text)
    shortening = [(way, chunk) for chunk in _halved(most) for way in (without_columns, without_characters)]
    lowering = [(way, chunk) for chunk in _halved(2 * most) for way in (zeroed, moved_right)]
    return [(without_numbers, 1), *shortening, *lowering, (lower_digits, 1), (lower_everywhere, 1)]


def reduced(task: Task, text: str, level: Level) -> list[str]:
    """Returns the inputs of a task that one level makes of an input and that are smaller than it, smallest first."""
    way, chunk = level
    limit = size_of(task, text)
    sizes = [size_of(task, found) for found in normal_ones(task, way(text, chunk, task.base))]
    return [found for *_, found in sorted(size for size in sizes if size < limit)]


def without_numbers(text: str, chunk: int, base: int) -> Iterator[str]:
    """Leaves out one number and the sign before it, or behind it where it is the first."""
    numbers, between = taken_apart(text)
    for index in range(len(numbers) if len(numbers) > 1 else 0):
        sign = max(index, 1)
        yield Parts(numbers[:index] + numbers[index + 1 :], between[:sign] + between[sign + 1 :]).write(
            numbers[:index] + numbers[index + 1 :]
        )


def without_columns(text: str, chunk: int, base: int) -> Iterator[str]:
    """Leaves out the same columns of all the numbers."""
    parts = taken_apart(text)
    for low in range(0, parts.width, chunk):
        yield parts.write([number_from(number, low, low + chunk, "") for number in parts.numbers])


def without_characters(text: str, chunk: int, base: int) -> Iterator[str]:
    """Leaves out characters in a row, which makes one number shorter or joins two."""
    for start in range(0, len(text), chunk):
        yield text[:start] + text[start + chunk :]


def zeroed(text: str, chunk: int, base: int) -> Iterator[str]:
    """Writes zeros into columns, of one number or of all."""
    parts = taken_apart(text)
    for low in range(0, parts.width, chunk):
        cleared = [
            number_from(number, low, low + chunk, "0" * len(columns(number, low, low + chunk)))
            for number in parts.numbers
        ]
        yield parts.write(cleared)
        for index, number in enumerate(cleared):
            yield parts.write_one(index, number)


def moved_right(text: str, chunk: int, base: int) -> Iterator[str]:
    """Moves digits into the next number, column by column, as they are and as far as there is room below the base.

    A sum stays what it is.
    """
    parts = taken_apart(text)
    for index in range(len(parts.numbers) - 1):
        pair = parts.numbers[index : index + 2]
        for low in range(0, parts.width, chunk):
            first, second = (columns(number, low, low + chunk) for number in pair)
            if len(first) == len(second):
                sums = [int(one) + int(other) for one, other in zip(first, second, strict=True)]
                filled = ["".join(str(min(total, base - 1)) for total in sums)]
                filled.insert(0, "".join(str(max(total - base + 1, 0)) for total in sums))
                for new in ([second, first], filled):
                    changed = [number_from(number, low, low + chunk, of) for number, of in zip(pair, new, strict=True)]
                    yield parts.write([*parts.numbers[:index], *changed, *parts.numbers[index + 2 :]])


def lower_digits(text: str, chunk: int, base: int) -> Iterator[str]:
    """Lowers one digit to one or by one, or lets two neighbours change places."""
    for place, digit in enumerate(text):
        if digit.isdecimal() and digit > "1":
            yield from (text[:place] + lower + text[place + 1 :] for lower in {"1": 0, str(int(digit) - 1): 0})
        if digit.isdecimal() and place and text[place - 1].isdecimal():
            yield text[: place - 1] + digit + text[place - 1] + text[place + 1 :]


def lower_everywhere(text: str, chunk: int, base: int) -> Iterator[str]:
    """Lowers a digit wherever it occurs."""
    for digit in range(base):
        yield from (text.replace(str(digit), str(lower)) for lower in range(digit))


def _halved(length: int) -> list[int]:
    """Returns half of a length, a quarter, ... 1."""
    chunks = [length // 2]
    while chunks[-1] > 1:
        chunks.append(chunks[-1] // 2)
    return [max(chunk, 1) for chunk in chunks]

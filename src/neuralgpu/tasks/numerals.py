"""Arithmetic on arrays of digits, and digit texts of whole numbers of any size.

Arrays hold one number a row, least significant digit first; texts are read most significant first.
"""

from functools import cache
from itertools import zip_longest

import numpy as np
from jaxtyping import Bool, Int, UInt8

CHUNK = 64
"""Digits converted at once; below the smallest limit that Python can be given for int() (640 digits)."""


def to_int(text: str, base: int) -> int:
    """Returns the number that a non-empty text of digits stands for, in well under quadratic time.

    >>> to_int("00110", 2)
    6
    """
    parts = [int(text[max(0, end - CHUNK) : end], base) for end in range(len(text), 0, -CHUNK)]
    weight = base**CHUNK
    while len(parts) > 1:
        parts = [low + high * weight for low, high in zip_longest(parts[::2], parts[1::2], fillvalue=0)]
        weight *= weight
    return parts[0]


def to_text(value: int, base: int) -> str:
    """Returns the digits of a number, zero or above, without leading zeros.

    Halves the number until the parts are small: the digit-by-digit way is quadratic, and `str` refuses long numbers.

    >>> to_text(6, 2)
    '110'
    """
    weights = [base**CHUNK]
    while weights[-1] <= value:
        weights.append(weights[-1] ** 2)
    parts = [value]
    for weight in reversed(weights[:-1]):
        parts = [half for part in parts for half in divmod(part, weight)]
    return "".join(_chunk_text(part, base) for part in parts).lstrip("0") or "0"


def _chunk_text(value: int, base: int) -> str:
    digits: list[str] = []
    while value:
        value, digit = divmod(value, base)
        digits.append("0123456789"[digit])
    return "".join(reversed(digits)).zfill(CHUNK)


def digits_of(text: str) -> Int[np.ndarray, " column"]:
    """Returns the digits of a text as an array, least significant first."""
    return np.frombuffer(text.encode("ascii"), np.uint8)[::-1].astype(np.int32) - ord("0")


def text_of(symbols: Int[np.ndarray, " column"], base: int) -> str:
    """Writes symbols as people read them: most significant first, trailing padding dropped.

    >>> text_of(np.array([2, 0, 1, 99, 2, 0]), 2)
    '1?0_1'
    """
    return characters_of(symbols, base)[::-1]


def characters_of(symbols: Int[np.ndarray, " column"], base: int) -> str:
    """Writes symbols in the order of the grid, trailing padding dropped.

    Never fails, as nets put out what they like: padding between digits shows as "_", symbols that are no digit as "?".
    """
    # Twice as fast as np.clip, which looks up the limits of the type at every call.
    known = np.maximum(np.minimum(symbols, 11), -1)
    return _characters(base)[known].tobytes().decode("ascii").rstrip("_")


@cache
def _characters(base: int) -> UInt8[np.ndarray, "12"]:
    """Returns the character of every symbol; the last one stands for all that are no digit in any base."""
    return np.frombuffer(b"_" + b"0123456789"[:base] + b"?" * (11 - base), np.uint8)


def natural_length(digits: Int[np.ndarray, "batch column"]) -> Int[np.ndarray, " batch"]:
    """Counts the digits of each number without its leading zeros; zero has one digit."""
    positions = np.arange(1, digits.shape[1] + 1)
    return np.where(digits != 0, positions, 1).max(axis=1)


def drawn_positive(
    rng: np.random.Generator,
    drawn: Int[np.ndarray, "batch column"],
    base: int,
    width: Int[np.ndarray, "batch 1"] | None = None,
) -> Int[np.ndarray, "batch column"]:
    """Draws every number that is zero again until none is; uniform numbers stay uniform above zero.

    Args:
        rng: where the new digits come from.
        drawn: uniform digits.
        base: of the digits.
        width: number of digits of each row, the others are zero; all columns when None.
    """
    positive = drawn.copy()
    while (rows := np.flatnonzero(~positive.any(axis=1))).size:
        again = rng.integers(base, size=(rows.size, drawn.shape[1]), dtype=np.int32)
        positive[rows] = again if width is None else np.where(np.arange(drawn.shape[1]) < width[rows], again, 0)
    return positive


def resolve_carries(columns: Int[np.ndarray, "batch column"], base: int) -> Int[np.ndarray, "batch column"]:
    """Turns column sums (zero or above) into digits; the number must fit into the columns."""
    while columns.max() > 2 * (base - 1):  # until no column can carry more than 1
        carries = columns // base
        columns = columns % base
        columns[:, 1:] += carries[:, :-1]
    # What leaves a column was started by the nearest column at or below it that does not just pass a carry on.
    positions = np.arange(columns.shape[1])
    starts = np.maximum.accumulate(np.where(columns == base - 1, 0, positions), axis=1)
    leaves = np.take_along_axis(columns, starts, axis=1) >= base
    digits = columns.copy()
    digits[:, 1:] += leaves[:, :-1]
    return digits % base


def add(
    first: Int[np.ndarray, "batch column"], second: Int[np.ndarray, "batch column"], base: int, width: int
) -> Int[np.ndarray, "batch width"]:
    """Adds numbers of equally many digits, row by row, into `width` digits."""
    columns = np.zeros((len(first), width), np.int32)
    columns[:, : first.shape[1]] = first + second
    return resolve_carries(columns, base)


def subtract(
    first: Int[np.ndarray, "batch column"], second: Int[np.ndarray, "batch column"], base: int
) -> Int[np.ndarray, "batch column"]:
    """Subtracts numbers of equally many digits, row by row; the first must not be the smaller.

    Adds the complement; what leaves the last column is the base's power that the complement added.
    """
    columns = first + (base - 1 - second)
    columns[:, 0] += 1
    return resolve_carries(columns, base)


def at_least(
    first: Int[np.ndarray, "*rows column"], second: Int[np.ndarray, "*rows column"]
) -> Bool[np.ndarray, "*rows"]:
    """Says where the first number is not the smaller: the highest digit that differs decides."""
    difference = first - second
    highest = difference.shape[-1] - 1 - np.argmax(difference[..., ::-1] != 0, axis=-1)
    return np.take_along_axis(difference, highest[..., None], axis=-1)[..., 0] >= 0


def divide(
    first: Int[np.ndarray, "batch column"], second: Int[np.ndarray, "batch column"], base: int
) -> Int[np.ndarray, "batch column"]:
    """Divides numbers of equally many digits, row by row, rounding down; no second number may be zero.

    Long division: each digit of the quotient is the largest multiple of the divisor that the remainder holds.
    """
    count, digits = first.shape
    wide = np.zeros((base, count, digits + 1), np.int32)
    wide[:, :, :digits] = np.arange(base)[:, None, None] * second
    multiples = resolve_carries(wide.reshape(base * count, digits + 1), base).reshape(wide.shape)
    remainder = np.zeros((count, digits + 1), np.int32)
    quotient = np.zeros((count, digits), np.int32)
    for column in reversed(range(digits)):
        remainder = np.concatenate([first[:, column : column + 1], remainder[:, :-1]], axis=1)
        quotient[:, column] = at_least(np.broadcast_to(remainder, multiples.shape), multiples).sum(axis=0) - 1
        remainder = subtract(remainder, multiples[quotient[:, column], np.arange(count)], base)
    return quotient


def multiply(
    first: Int[np.ndarray, "batch column"], second: Int[np.ndarray, "batch column"], base: int, width: int
) -> Int[np.ndarray, "batch width"]:
    """Multiplies numbers of equally many digits, row by row, into `width` digits.

    The column sums come from a Fourier transform. They are at most 81 times the number of digits, so that rounding
    finds them exactly, for a million digits too.
    """
    used = 2 * first.shape[1] - 1
    size = 1 << (used - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(first, size) * np.fft.rfft(second, size), size)
    columns = np.zeros((len(first), width), np.int32)
    columns[:, :used] = np.rint(product[:, :used])
    return resolve_carries(columns, base)

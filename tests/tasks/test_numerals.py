import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralgpu.tasks import numerals

BASES = st.integers(2, 10)


@given(BASES, st.integers(0, 10**300))
def test_text_and_number_round_trip(base: int, value: int) -> None:
    text = numerals.to_text(value, base)
    assert numerals.to_int(text, base) == value
    assert numerals.to_int("000" + text, base) == value
    assert text == "0" or text[0] != "0"


@given(st.integers(0, 10**600))
def test_decimal_texts_are_pythons(value: int) -> None:
    assert numerals.to_text(value, 10) == str(value)
    assert numerals.to_int(str(value), 10) == value


@pytest.mark.parametrize(("base", "spec"), [(2, "b"), (8, "o")])
def test_texts_of_powers_of_two_are_pythons(base: int, spec: str) -> None:
    for value in [*range(200), base**64 - 1, base**64, base**64 + 1, base**128, 3**2000]:
        assert numerals.to_text(value, base) == format(value, spec)


def test_numbers_beyond_pythons_text_limit_convert_and_leave_the_limit_alone() -> None:
    limit = sys.get_int_max_str_digits()
    for base in range(2, 11):
        value = base**100_000 - 1
        text = numerals.to_text(value, base)
        assert text == str(base - 1) * 100_000
        assert numerals.to_int(text, base) == value
    assert sys.get_int_max_str_digits() == limit


def test_digits_are_least_significant_first() -> None:
    assert numerals.digits_of("0129").tolist() == [9, 2, 1, 0]


@pytest.mark.parametrize(
    ("symbols", "text"),
    [
        ([], ""),
        ([0, 0], ""),
        ([2, 1, 1], "001"),
        ([2, 1, 0, 0], "01"),
        ([0, 2], "1_"),
        ([3, 2], "1?"),
        ([-1, 2, 2**30], "?1?"),
    ],
)
def test_any_symbols_are_written(symbols: list[int], text: str) -> None:
    assert numerals.text_of(np.array(symbols, np.int32), 2) == text


def test_natural_length_drops_leading_zeros_but_not_the_last() -> None:
    assert numerals.natural_length(np.array([[0, 0, 0], [1, 0, 0], [0, 3, 0], [0, 0, 1]])).tolist() == [1, 1, 2, 3]


@given(BASES, st.lists(st.tuples(st.integers(0, 10**40), st.integers(0, 10**40)), min_size=1, max_size=4))
def test_digit_arithmetic_is_pythons(base: int, pairs: list[tuple[int, int]]) -> None:
    width = max(len(numerals.to_text(value, base)) for pair in pairs for value in pair)
    digits = np.array([[numerals.digits_of(numerals.to_text(value, base).zfill(width)) for value in p] for p in pairs])
    sums = numerals.add(digits[:, 0], digits[:, 1], base, width + 1)
    products = numerals.multiply(digits[:, 0], digits[:, 1], base, 2 * width)
    for (first, second), total, product in zip(pairs, sums, products, strict=True):
        assert numerals.to_int(numerals.text_of(total + 1, base), base) == first + second
        assert numerals.to_int(numerals.text_of(product + 1, base), base) == first * second


@pytest.mark.parametrize("base", range(2, 11))
def test_the_largest_products_and_longest_carries_are_exact(base: int) -> None:
    digits = 20_000
    largest = np.full((1, digits), base - 1, np.int32)
    one = np.zeros_like(largest)
    one[0, 0] = 1
    # (b^k - 1)^2 = b^2k - 2 b^k + 1 and (b^k - 1) + 1 = b^k
    value = base**digits
    product = numerals.multiply(largest, largest, base, 2 * digits)[0]
    assert numerals.to_int(numerals.text_of(product + 1, base), base) == value**2 - 2 * value + 1
    assert numerals.add(largest, one, base, digits + 1)[0].tolist() == [0] * digits + [1]

import numpy as np
import pytest
from scipy.stats import linregress

from neuralgpu.benchmark.growth import exponents, fitted_exponent, long_half

LENGTHS = [11, 21, 41, 81, 161, 281, 401]


def test_a_power_law_is_found_without_error() -> None:
    fit = fitted_exponent(LENGTHS, [3e-5 * length**1.7 for length in LENGTHS])
    assert fit.exponent == pytest.approx(1.7)
    assert fit.standard_error == pytest.approx(0, abs=1e-6)


def test_the_standard_error_is_that_of_a_linear_regression() -> None:
    seconds = [
        float(length**2 * factor) for length, factor in zip(LENGTHS, [1.3, 0.8, 1.1, 1, 0.9, 1.2, 1], strict=True)
    ]
    expected = linregress(np.log(LENGTHS), np.log(seconds))
    fit = fitted_exponent(LENGTHS, seconds)
    assert fit.exponent == pytest.approx(np.asarray(expected)[0])
    assert fit.standard_error == pytest.approx(np.asarray(expected)[4])


def test_overhead_flattens_the_short_half_only() -> None:
    (every, over_all), (longer, over_longer) = exponents({length: 0.05 + 1e-4 * length**2 for length in LENGTHS})
    assert (every, longer) == (LENGTHS, [81, 161, 281, 401])
    assert over_all.exponent < 1.8 < over_longer.exponent < 2


@pytest.mark.parametrize(("count", "fits"), [(0, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_two_points_are_no_fit(count: int, fits: int) -> None:
    assert len(exponents({length: float(length) for length in LENGTHS[:count]})) == fits
    assert len(long_half(LENGTHS[:count])) == (count + 1) // 2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralgpu.proportion import wilson_interval


@pytest.mark.parametrize("errors", [0, 1, 16, 31, 32])
def test_wilson_interval_is_the_formula(errors: int) -> None:
    count, z = 32, 1.959963984540054
    share = errors / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    assert wilson_interval(errors, count) == pytest.approx((middle - half, middle + half), abs=1e-9)


@given(st.integers(1, 5000), st.data())
def test_wilson_interval_holds_the_share_and_mirrors(count: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, count))
    low, high = wilson_interval(errors, count)
    assert 0 <= low <= errors / count <= high <= 1
    assert wilson_interval(count - errors, count) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_impossible_counts_are_refused() -> None:
    for errors, count in [(0, 0), (3, 2), (-1, 5)]:
        with pytest.raises(ValueError):
            wilson_interval(errors, count)

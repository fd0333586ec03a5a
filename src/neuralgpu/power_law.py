"""Powers that measurements grow by."""

from collections.abc import Sequence
from typing import NamedTuple


class Exponent(NamedTuple):
    """A fit of value = constant * size ** exponent."""

    exponent: float
    standard_error: float
    """Of the exponent, from the scatter of the points about the fit."""


def fitted_exponent(sizes: Sequence[int], values: Sequence[float]) -> Exponent:
    """Fits a power law by least squares on the logarithms of at least three points.

    >>> round(fitted_exponent([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0]).exponent, 6)
    2.0
    """
    import numpy as np

    (exponent, _), covariance = np.polyfit(np.log(sizes), np.log(values), 1, cov=True)
    return Exponent(float(exponent), float(covariance[0, 0] ** 0.5))

"""The tail of a distribution of thresholds: how fast ever longer carries become rarer among seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tail:
    """A power law: the share of seeds with a threshold of at least c falls as c to the power of minus `exponent`."""

    exponent: float
    error: float
    """Standard error of the exponent."""
    start: int
    """The law is fitted to thresholds of at least this."""
    seeds: int
    """Seeds that it is fitted to; among them those whose threshold lies beyond the largest size tried."""


def fit_tail(thresholds: Sequence[int], beyond: Sequence[int] = ()) -> Tail | None:
    """Fits the upper half of the seeds by Hill's estimator, with thresholds that were never met as censored.

    With n thresholds x met above a start m, and y the largest sizes tried without meeting one, the exponent is
    n / (sum of ln(x / (m - 1/2)) + sum of ln(y / (m - 1/2))), its standard error is exponent / sqrt(n). The half makes
    whole numbers of a continuous law (Clauset, Shalizi and Newman 2009, equation 3.7).

    Args:
        thresholds: those that were met, at least 1 each.
        beyond: for each seed that met none, the largest size that was tried.

    Returns:
        The law, None where the thresholds in the upper half are not at least two different ones, which have no slope.

    >>> tail = fit_tail([10, 10, 10, 20, 40, 80])
    >>> tail.start, tail.seeds, round(tail.exponent, 2)
    (20, 3, 1.39)
    """
    ordered = sorted([*thresholds, *beyond])
    if not ordered:
        return None
    start = ordered[len(ordered) // 2]
    met = [size for size in thresholds if size >= start]
    unmet = [size for size in beyond if size >= start]
    whole = sum(math.log(size / (start - 0.5)) for size in met + unmet)
    if len(set(met)) < 2:
        return None
    exponent = len(met) / whole
    return Tail(exponent, exponent / math.sqrt(len(met)), start, len(met) + len(unmet))

"""How the time of a training step grows with the length of its inputs."""

from collections.abc import Iterable, Mapping, Sequence

from neuralgpu.benchmark.measure import LeftOut, Measured
from neuralgpu.power_law import Exponent, fitted_exponent


def long_half(lengths: Sequence[int]) -> list[int]:
    """Returns the longer half of the lengths; short inputs are done before the overhead of a step has paid off.

    >>> long_half([401, 11, 41, 141, 21])
    [41, 141, 401]
    """
    return sorted(lengths)[len(lengths) // 2 :]


def exponents(points: Mapping[int, float]) -> list[tuple[list[int], Exponent]]:
    """Returns the fits over all lengths and over the longer half that have three points or more, with their lengths.

    Args:
        points: length to seconds.
    """
    candidates = (sorted(points), long_half(list(points)))
    return [
        (lengths, fitted_exponent(lengths, [points[length] for length in lengths]))
        for lengths in candidates
        if len(lengths) >= 3
    ]


def growth_points(found: Iterable[Measured | LeftOut]) -> dict[int, float]:
    """Returns the seconds of a step for one input, by length, of the sizes that were measured for this."""
    return {
        one.size.length: one.step_seconds / one.size.batch
        for one in found
        if isinstance(one, Measured) and one.size.purpose == "growth"
    }

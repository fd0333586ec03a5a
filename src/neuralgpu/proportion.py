"""Shares of a whole, and how sure they are."""


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Returns the 95% Wilson score interval of a share, such as that of wrong answers.

    Raises:
        ValueError: count is below 1, or hits is not from 0 to count.
    """
    from scipy.stats import binomtest  # takes a second to import

    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)

"""What is counted in the outputs of a net, and how sure a count is.

Only positions with a target count: symbol 0 in a target asks for nothing (as in the published evaluation).
"""

import numpy as np
from jaxtyping import Bool, Int

from neuralgpu.proportion import wilson_interval


def wrong_symbols(
    outputs: Int[np.ndarray, "*answering batch length"], targets: Int[np.ndarray, "batch length"]
) -> Bool[np.ndarray, "*answering batch length"]:
    """Marks the positions where a symbol was asked for and another was given.

    Raises:
        ValueError: no symbol is asked for.
    """
    if not targets.any():
        raise ValueError("the targets ask for no symbol")
    return (outputs != targets) & (targets != 0)


def sequence_error(outputs: Int[np.ndarray, "batch length"], targets: Int[np.ndarray, "batch length"]) -> float:
    """Returns the share of examples with at least one wrong symbol.

    >>> sequence_error(np.array([[2, 1], [1, 1]]), np.array([[2, 1], [1, 2]]))
    0.5
    """
    return float(wrong_symbols(outputs, targets).any(axis=1).mean())


def symbol_error(outputs: Int[np.ndarray, "batch length"], targets: Int[np.ndarray, "batch length"]) -> float:
    """Returns the share of wrong symbols among those that were asked for.

    >>> symbol_error(np.array([[2, 1], [1, 1]]), np.array([[2, 1], [1, 2]]))
    0.25
    """
    return float(wrong_symbols(outputs, targets).sum() / np.count_nonzero(targets))


def first_wrong_digit(
    outputs: Int[np.ndarray, "batch length"], targets: Int[np.ndarray, "batch length"]
) -> Int[np.ndarray, " batch"]:
    """Returns each example's lowest wrong position, 0 for the least significant digit, -1 where all is right.

    >>> first_wrong_digit(np.array([[2, 1], [1, 1]]), np.array([[2, 1], [1, 2]])).tolist()
    [-1, 1]
    """
    wrong = wrong_symbols(outputs, targets)
    return np.where(wrong.any(axis=1), wrong.argmax(axis=1), -1)


def decided(errors: int, count: int, share: float) -> bool:
    """Says whether the 95% Wilson interval lies wholly above or wholly below a share.

    >>> decided(0, 380, 0.01), decided(0, 381, 0.01), decided(3, 64, 0.01)
    (False, True, True)
    """
    low, high = wilson_interval(errors, count)
    return high < share or low > share

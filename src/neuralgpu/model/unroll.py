"""Runs the step loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

Step = Callable[[Any, tuple[PyTree, Array]], tuple[Any, Any]]


def unroll(step: Step, carry: PyTree, copies: PyTree, rounds: int, *, rematerialise: bool) -> tuple[PyTree, PyTree]:
    """Applies `step` with each relaxed copy in turn, `rounds` times over.

    The copies are the inner loop's inputs, not something indexed by step: their gradients come out stacked, without
    a scatter into all the copies at every step.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, output).
        copies: weights, with the copies along the leading axis of every array.
        rematerialise: compute each step again in the backward pass instead of storing its inside; faster too, since
            the stored inside of a step is written to memory and read back.

    Returns:
        The last carry, and the outputs stacked as [rounds, copies, ...].
    """
    step = jax.checkpoint(step) if rematerialise else step
    count = jax.tree.leaves(copies)[0].shape[0]

    def one_round(carry: PyTree, number: Array) -> tuple[PyTree, PyTree]:
        return jax.lax.scan(step, carry, (copies, number * count + jnp.arange(count)))

    return jax.lax.scan(one_round, carry, jnp.arange(rounds))

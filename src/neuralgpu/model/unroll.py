"""Runs the step loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree

Step = Callable[[Any, tuple[PyTree, Array]], tuple[Any, Any]]


def unroll(
    step: Step,
    carry: PyTree,
    copies: PyTree,
    rounds: int,
    *,
    rematerialise: bool,
    last_step: Int[Array, ""] | None = None,
) -> tuple[PyTree, PyTree]:
    """Applies `step` with each relaxed copy in turn, `rounds` times over.

    The copies are the inner loop's inputs, not something indexed by step: their gradients come out stacked, without
    a scatter into all the copies at every step.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, output).
        copies: weights, with the copies along the leading axis of every array.
        rematerialise: compute each step again in the backward pass instead of storing its inside; faster too, since
            the stored inside of a step is written to memory and read back.
        last_step: the last step that changes this example's carry; a round that changes no example's is skipped,
            forwards and backwards. The step has no output then (None). Without it every round runs.

    Returns:
        The last carry, and the outputs stacked as [rounds, copies, ...].
    """
    step = jax.checkpoint(step) if rematerialise else step
    count = jax.tree.leaves(copies)[0].shape[0]

    def one_round(carry: PyTree, number: Array) -> tuple[PyTree, PyTree]:
        return jax.lax.scan(step, carry, (copies, number * count + jnp.arange(count)))

    if last_step is None:
        return jax.lax.scan(one_round, carry, jnp.arange(rounds))
    last_of_all = _largest_in_batch(last_step)

    def needed_round(carry: PyTree, number: Array) -> tuple[PyTree, PyTree]:
        return jax.lax.cond(
            number * count <= last_of_all, one_round, lambda carry, number: (carry, None), carry, number
        )

    return jax.lax.scan(needed_round, carry, jnp.arange(rounds))


@jax.custom_batching.custom_vmap
def _largest_in_batch(number: Int[Array, ""]) -> Int[Array, ""]:
    """Returns the largest number of all examples and seeds under `vmap`, as one that is not batched.

    A condition on it stays a branch, where one on each example's own number would become a choice between two results.
    """
    return number


@_largest_in_batch.def_vmap
def _(axis_size: int, in_batched: list[bool], number: Array) -> tuple[Array, bool]:
    return _largest_in_batch(jnp.max(number, axis=0) if in_batched[0] else number), False

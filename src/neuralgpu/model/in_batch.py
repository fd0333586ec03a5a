"""What holds for a whole batch under `vmap`, as a value that is not batched.

A condition on it stays a branch, and a loop that it ends one loop, where one on each example's own value would become a
choice between two results.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


@jax.custom_batching.custom_vmap
def any_in_batch(holds: Bool[Array, ""]) -> Bool[Array, ""]:
    """Says whether it holds for any example or seed."""
    return holds


@any_in_batch.def_vmap
def _(axis_size: int, in_batched: list[bool], holds: Array) -> tuple[Array, bool]:
    return any_in_batch(jnp.any(holds, axis=0) if in_batched[0] else holds), False


@jax.custom_batching.custom_vmap
def largest_in_batch(number: Int[Array, ""]) -> Int[Array, ""]:
    """Returns the largest number of all examples and seeds."""
    return number


@largest_in_batch.def_vmap
def _(axis_size: int, in_batched: list[bool], number: Array) -> tuple[Array, bool]:
    return largest_in_batch(jnp.max(number, axis=0) if in_batched[0] else number), False

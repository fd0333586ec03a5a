"""What holds for a whole batch under `vmap`, as a value that is not batched."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


@jax.custom_batching.custom_vmap
def largest_in_batch(value: Bool[Array, ""] | Int[Array, ""]) -> Bool[Array, ""] | Int[Array, ""]:
    """Returns the largest number of all examples and seeds, or whether it is true of any.

    A condition on it stays a branch, and a loop that it ends one loop, where one on each example's own value would
    become a choice between two results.
    """
    return value


@largest_in_batch.def_vmap
def _(axis_size: int, in_batched: list[bool], value: Array) -> tuple[Array, bool]:
    return largest_in_batch(jnp.max(value, axis=0) if in_batched[0] else value), False

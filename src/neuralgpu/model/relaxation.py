"""Relaxed parameters: copies of the cells that are pulled together until they are one (paper, section 3)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def distance_of_copies(cells: PyTree) -> Float[Array, ""]:
    """Returns the summed squared distance of every copy from the copies' mean (copies on the leading axis)."""
    leaves = [leaf for leaf in jax.tree.leaves(cells) if leaf.shape[0] > 1]
    return sum((jnp.sum((leaf - leaf.mean(axis=0)) ** 2) for leaf in leaves), start=jnp.zeros(()))


def averaged_copies(cells: PyTree) -> PyTree:
    """Replaces every copy by the copies' mean."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf.mean(axis=0), leaf.shape), cells)

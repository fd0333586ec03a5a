"""Relaxed parameters: copies of the cells that are pulled together until they are one (paper, section 3)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def distance_of_copies(cells: PyTree) -> Float[Array, ""]:
    """Returns the summed squared distance of every copy from the copies' mean (copies on the leading axis).

    Differences from a mean add up to 0, so the gradient through the mean does, too: it is left out.
    """
    leaves = [leaf for leaf in jax.tree.leaves(cells) if leaf.shape[0] > 1]
    means = [jax.lax.stop_gradient(sum(leaf) / len(leaf)) for leaf in leaves]
    return sum((jnp.sum((leaf - mean) ** 2) for leaf, mean in zip(leaves, means, strict=True)), start=jnp.zeros(()))


def averaged_copies(cells: PyTree) -> PyTree:
    """Replaces every copy by the copies' mean."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf.mean(axis=0), leaf.shape), cells)

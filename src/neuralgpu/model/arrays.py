"""What the model and the training step are called with."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

AnyArray = Array | np.ndarray
"""Of either kind: made on the host, used on the device."""


def at_least_single(values: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns the values in single precision, or in the higher one that they have: for sums that steps add up."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))

"""States that are rounded after a step."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def rounded(state: Float[Array, "..."], rounding: int) -> Float[Array, "..."]:
    """Returns the nearest multiples of 1 / rounding, with the gradient of the state itself."""
    return jnp.round(state * rounding) / rounding


@rounded.defjvp
def _(rounding: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return rounded(*primals, rounding), tangents[0]

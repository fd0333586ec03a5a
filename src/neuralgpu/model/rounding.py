"""States that are rounded after a step."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from neuralgpu.model.cell import Cell, Context, State


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def rounded(state: Float[Array, "..."], rounding: int) -> Float[Array, "..."]:
    """Returns the nearest multiples of 1 / rounding, with the gradient of the state itself."""
    return jnp.round(state * rounding) / rounding


@rounded.defjvp
def _(rounding: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return rounded(*primals, rounding), tangents[0]


def rounded_step(
    cells: tuple[Cell, ...],
    state: State,
    given: tuple[Float[Array, "length 1 1"], Float[Array, "length height task"] | None],
    rounding: int,
) -> State:
    """Returns the state after a step outside training.

    Args:
        cells: the layers of a step.
        given: the mask as a weight, and the task's code.
    """
    (weight, code), new = given, state
    context = Context(state, code)
    for cell in cells:
        new = cell(new, None, context)[0] * weight
    return rounded(new, rounding)

"""The results of a step's convolutions, kept for when the step is computed again."""

from collections.abc import Callable, Sequence

import jax
from jaxtyping import Array, Float


class Results:
    """Results in the order in which they are asked for."""

    def __init__(self, known: Sequence[Array] | None = None) -> None:
        """Starts with those of the same step, where they are known."""
        self.noted: list[Array] = []
        self._known = known

    def of(self, convolution: Callable[[Array], Array], state: Array) -> Array:
        """Returns what a convolution makes of a state, and notes it."""
        result = convolution(state)
        if self._known is not None:
            result = _in_place_of(result, self._known[len(self.noted)])
        self.noted.append(result)
        return result


@jax.custom_jvp
def _in_place_of(computed: Float[Array, "*shape"], known: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the known value, with the derivative of the computed one: that is not used, so it is not computed."""
    return known


@_in_place_of.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[1], tangents[0]

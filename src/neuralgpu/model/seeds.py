"""How one device computes several seeds."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax


def over_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turns a function of one seed's arguments into one of arguments with the seeds along the leading axis.

    On a CPU one seed after the other: its matrix products fill a core by themselves, and direct convolutions with each
    seed's own weights would become grouped ones, which are slow. Elsewhere all at once.
    """
    if jax.default_backend() != "cpu":
        return jax.vmap(function)

    @wraps(function)
    def in_turn(*arguments: Any) -> Any:
        return jax.lax.map(lambda of_seed: function(*of_seed), arguments)

    return in_turn

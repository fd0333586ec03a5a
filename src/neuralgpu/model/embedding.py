"""Symbols to states, with the sparse gradient of the published program."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Table = Float[Array, "symbol channel"]


@jax.custom_vjp
def embedded(table: Table, probe: Table, grid: Int[Array, "length height"]) -> Float[Array, "length height channel"]:
    """Looks symbols up; row 0 of the table counts as zero.

    The gradient of a lookup is one slice a place of the grid. What flows back into the table is the sum of each row's
    slices, nothing for row 0, which is no parameter. What flows back into the probe, whose values are not used, is the
    sum of their squares, row 0's included: the published program's Adam and its global norm square the slices before
    they are added.
    """
    return table.at[0].set(0)[grid]


def _forward(table: Table, probe: Table, grid: Array) -> tuple[Array, tuple[Array, Table]]:
    return embedded(table, probe, grid), (grid, table)


def _backward(saved: tuple[Array, Table], slices: Array) -> tuple[Table, Table, None]:
    grid, table = saved
    both = jnp.concatenate([slices, slices**2], axis=-1)
    sums, squares = jnp.split(jnp.zeros((len(table), both.shape[-1])).at[grid].add(both), 2, axis=-1)
    return sums.at[0].set(0), squares, None


embedded.defvjp(_forward, _backward)

"""An unroll that keeps the state before every step, in one loop over as many steps as are needed.

Results of convolutions that the step notes are kept as well, as far as they take no more than a bounded memory.
"""

from math import prod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree

from neuralgpu.model.batched_unroll import Apply, Inputs, Noting, item, unroll_batch, with_item

_MOST_BYTES = 1 << 30
"""That results are kept in. 32 inputs of length 41 with 128 channels need 0.7 GB, half of it where two devices share
them."""


def unroll_flat(step: Noting, carry: PyTree, copies: PyTree, steps: int, needed: Int[Array, ""]) -> PyTree:
    """Returns the last carry of a number of steps, of which only the first `needed` change it.

    Args:
        step: a step without output.
        copies: weights, with the copies along the leading axis of every array.
        needed: one number for all examples.
    """

    def run(inputs: Inputs, needed: Array, apply: Apply) -> PyTree:
        return _run(inputs, needed, apply, steps)

    return unroll_batch(step, carry, copies, needed, None, run)


@eqx.filter_custom_vjp
def _run(inputs: Inputs, needed: Array, apply: Apply, steps: int) -> PyTree:
    def advance(number: Array, carry: PyTree) -> PyTree:
        return apply.forwards(inputs.context, carry, inputs.copy(number), number)[0]

    return jax.lax.fori_loop(0, needed, advance, inputs.carry)


@_run.def_fwd
def _(perturbed: Inputs, inputs: Inputs, needed: Array, apply: Apply, steps: int) -> tuple[PyTree, PyTree]:
    """Returns the last carry; the carries before the steps and the results that are kept."""
    first = jnp.zeros((), jnp.int32)
    _, shapes = jax.eval_shape(apply.forwards, inputs.context, inputs.carry, inputs.copy(first), first)
    size = steps * sum(prod(shape.shape) * shape.dtype.itemsize for shape in shapes)
    kept_results = size <= _MOST_BYTES

    def advance(number: Array, state: tuple[PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        carry, kept = state
        new, results = apply.forwards(inputs.context, carry, inputs.copy(number), number)
        return new, with_item(kept, number, (carry, results if kept_results else []))

    shapes = inputs.carry, shapes if kept_results else []
    kept = jax.tree.map(lambda leaf: jnp.zeros((steps, *leaf.shape), leaf.dtype), shapes)
    return jax.lax.fori_loop(0, needed, advance, (inputs.carry, kept))


@_run.def_bwd
def _(
    kept: PyTree, cotangent: PyTree, perturbed: Inputs, inputs: Inputs, needed: Array, apply: Apply, steps: int
) -> Inputs:
    """Returns the gradients; of what the step closes over only where they are asked for."""
    followed, fixed = eqx.partition(inputs.context, perturbed.context)

    def backwards(index: Array, state: tuple[PyTree, PyTree, PyTree]) -> tuple[PyTree, PyTree, PyTree]:
        cotangent, copies, context = state
        number = needed - 1 - index
        before, results = item(kept, number)

        def advance(carry: Any, copy: PyTree, followed: PyTree) -> Any:
            context = eqx.combine(followed, fixed)
            if results:
                return apply.again(context, carry, copy, number, results)
            return apply.forwards(context, carry, copy, number)[0]

        pull_back = jax.vjp(advance, before, inputs.copy(number), followed)[1]
        cotangent, of_copy, of_context = pull_back(cotangent)
        place = number % jax.tree.leaves(copies)[0].shape[0]
        copies = with_item(copies, place, jax.tree.map(jnp.add, item(copies, place), of_copy))
        return cotangent, copies, jax.tree.map(jnp.add, context, of_context)

    arrived = jax.tree.map(
        lambda leaf, given: jnp.zeros_like(leaf) if given is None else given, inputs.carry, cotangent
    )
    zeros = jax.tree.map(jnp.zeros_like, (inputs.copies, followed))
    carry, copies, context = jax.lax.fori_loop(0, needed, backwards, (arrived, *zeros))
    return Inputs(context, carry, copies)

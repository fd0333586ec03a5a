"""An unroll whose backward pass keeps a number of states and follows the schedule of `treeverse`.

The schedule runs in loops that are compiled once, whatever the number of steps.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from neuralgpu.model.batched_unroll import Apply, Inputs, item, unroll_batch, with_item, without_results
from neuralgpu.model.treeverse import schedule


def unroll_with_snapshots(
    step: Callable[[Any, tuple[PyTree, Array]], tuple[Any, None]],
    carry: PyTree,
    copies: PyTree,
    steps: int,
    snapshots: int,
    needed: Int[Array, ""],
    example_axis: str | None = None,
) -> PyTree:
    """Returns the last carry of a number of steps, of which only the first `needed` change it.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, None).
        copies: weights, with the copies along the leading axis of every array.
        snapshots: number of states kept for the backward pass, the first one among them.
        needed: one number for all examples.
        example_axis: name of the axis of that `vmap`, if steps refer to it.
    """

    def run(inputs: Inputs, needed: Array, apply: Apply) -> PyTree:
        return _run(inputs, needed, apply, steps, snapshots)

    return unroll_batch(without_results(step), carry, copies, needed, example_axis, run)


@eqx.filter_custom_vjp
def _run(inputs: Inputs, needed: Array, apply: Apply, steps: int, snapshots: int) -> PyTree:
    return _Sweeper(inputs, needed, apply, steps, snapshots).advanced(inputs.carry, 0, steps)


@_run.def_fwd
def _(
    perturbed: Inputs, inputs: Inputs, needed: Array, apply: Apply, steps: int, snapshots: int
) -> tuple[PyTree, PyTree]:
    """Returns the last carry; the kept ones and the one before the last step."""
    sweeper = _Sweeper(inputs, needed, apply, steps, snapshots)
    kept = jax.tree.map(lambda leaf: jnp.zeros((snapshots, *leaf.shape), leaf.dtype), inputs.carry)
    kept, before = sweeper.sweep(with_item(kept, 0, inputs.carry), steps - 1)
    return sweeper.advanced(before, steps - 1, steps), (kept, before)


@_run.def_bwd
def _(
    residuals: PyTree,
    cotangent: PyTree,
    perturbed: Inputs,
    inputs: Inputs,
    needed: Array,
    apply: Apply,
    steps: int,
    snapshots: int,
) -> Inputs:
    """Returns the gradients; of what the step closes over only where they are asked for."""
    sweeper = _Sweeper(inputs, needed, apply, steps, snapshots)
    followed, fixed = eqx.partition(inputs.context, perturbed.context)

    def pulled_back(number: Array, before: Any, cotangent: Any) -> tuple[Any, PyTree, PyTree]:
        def advance(carry: Any, copy: PyTree, followed: PyTree) -> Any:
            return apply.forwards(eqx.combine(followed, fixed), carry, copy, number)[0]

        return jax.vjp(advance, before, inputs.copy(number), followed)[1](cotangent)

    def unchanged(number: Array, before: Any, cotangent: Any) -> tuple[Any, PyTree, PyTree]:
        return (cotangent, *jax.tree.map(jnp.zeros_like, (inputs.copy(number), followed)))

    def backwards(index: Array, state: Any) -> Any:
        kept, before, cotangent, copies, context = state
        number = steps - 1 - index
        cotangent, of_copy, of_context = jax.lax.cond(
            number < needed, pulled_back, unchanged, number, before, cotangent
        )
        place = number % jax.tree.leaves(copies)[0].shape[0]
        copies = with_item(copies, place, jax.tree.map(jnp.add, item(copies, place), of_copy))
        kept, before = sweeper.sweep(kept, jnp.maximum(number - 1, 0))
        return kept, before, cotangent, copies, jax.tree.map(jnp.add, context, of_context)

    arrived = jax.tree.map(
        lambda leaf, given: jnp.zeros_like(leaf) if given is None else given, inputs.carry, cotangent
    )
    zeros = jax.tree.map(jnp.zeros_like, (inputs.copies, followed))
    *_, carry, copies, context = jax.lax.fori_loop(0, steps, backwards, (*residuals, arrived, *zeros))
    return Inputs(context, carry, copies)


class _Sweeper:
    """Computes states; the schedule is looked up in tables, so that it may be asked for a step that is traced."""

    def __init__(self, inputs: Inputs, needed: Array, apply: Apply, steps: int, snapshots: int) -> None:
        self._inputs, self._needed, self._apply = inputs, needed, apply
        sweeps = schedule(steps, snapshots)
        legs = [leg for sweep in sweeps for leg in sweep.legs]
        self._legs = np.array([(leg.load, leg.first, leg.last, leg.store) for leg in legs], np.int32).reshape(-1, 4)
        ends = list(accumulate(len(sweep.legs) for sweep in sweeps))
        rows = zip([0, *ends], ends, sweeps, strict=False)
        self._sweeps = np.array([(begin, end, sweep.load, sweep.first) for begin, end, sweep in rows], np.int32)

    def advanced(self, carry: Any, first: Any, last: Any) -> Any:
        """Returns the carry after the steps first, ..., last - 1."""
        inputs = self._inputs

        def step(number: Array, carry: Any) -> Any:
            return self._apply.forwards(inputs.context, carry, inputs.copy(number), number)[0]

        return jax.lax.fori_loop(first, jnp.minimum(last, self._needed), step, carry)

    def sweep(self, kept: PyTree, number: Any) -> tuple[PyTree, Any]:
        """Returns the kept states as they are for the earlier steps, and the state before a step."""
        begin, end, load, first = jnp.asarray(self._sweeps)[number]

        def leg(index: Array, kept: PyTree) -> PyTree:
            load, first, last, store = jnp.asarray(self._legs)[index]
            return with_item(kept, store, self.advanced(item(kept, load), first, last))

        kept = jax.lax.fori_loop(begin, end, leg, kept) if len(self._legs) else kept
        return kept, self.advanced(item(kept, load), first, number)

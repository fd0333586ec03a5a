"""An unroll whose backward pass keeps a number of states and follows the schedule of `treeverse`.

The schedule runs in loops that are compiled once, whatever the number of steps.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from neuralgpu.model.treeverse import schedule

Apply = Callable[[PyTree, Any, PyTree, Array], Any]
"""Maps (what the step closes over, the carry, a copy of the weights, the step's number) to the next carry."""


class Inputs(NamedTuple):
    """What an unroll depends on."""

    context: PyTree
    """What the step closes over."""
    carry: PyTree
    copies: PyTree
    """Weights with the copies along the leading axis; step t uses copy t mod copies."""

    def copy(self, number: Array) -> PyTree:
        """Returns the weights of a step."""
        return _item(self.copies, number % jax.tree.leaves(self.copies)[0].shape[0])


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

    Under `vmap` this is the unroll of a step that acts on the whole batch: its backward pass adds up the weights'
    gradients over the batch at every step, where that of an example by itself would keep one gradient an example. So
    gradients are taken outside the `vmap` over examples; JAX refuses them without one.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, None).
        copies: weights, with the copies along the leading axis of every array.
        snapshots: number of states kept for the backward pass, the first one among them.
        needed: one number for all examples.
        example_axis: name of the axis of that `vmap`, if steps refer to it.
    """

    def one_step(carry: Any, copy: PyTree, number: Array) -> Any:
        return step(carry, (copy, number))[0]

    converted = eqx.filter_closure_convert(one_step, carry, _item(copies, 0), jnp.zeros((), jnp.int32))
    context, rest = eqx.partition(converted, eqx.is_array)

    def apply(context: PyTree, carry: Any, copy: PyTree, number: Array) -> Any:
        return eqx.combine(context, rest)(carry, copy, jnp.asarray(number, jnp.int32))

    @jax.custom_batching.custom_vmap
    def of_example(inputs: Inputs, needed: Array) -> PyTree:
        return _run(inputs, needed, apply, steps, snapshots)

    @of_example.def_vmap
    def _(axis_size: int, batched: list[Any], inputs: Inputs, needed: Array) -> tuple[PyTree, PyTree]:
        axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, batched[0])
        in_axes = (axes.context, 0, axes.copies, None)
        of_batch = jax.vmap(apply, in_axes, axis_size=axis_size, axis_name=example_axis)
        carry, copies = (
            jax.tree.map(
                lambda leaf, is_batched: leaf if is_batched else jnp.broadcast_to(leaf, (axis_size, *leaf.shape)),
                inputs.carry,
                batched[0].carry,
            ),
            jax.tree.map(
                lambda leaf, is_batched: jnp.swapaxes(leaf, 0, 1) if is_batched else leaf,
                inputs.copies,
                batched[0].copies,
            ),
        )
        last = _run(Inputs(inputs.context, carry, copies), needed, of_batch, steps, snapshots)
        return last, jax.tree.map(lambda _: True, last)

    return of_example(Inputs(context, carry, copies), needed)


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
    kept, before = sweeper.sweep(_with_item(kept, 0, inputs.carry), steps - 1)
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
            return apply(eqx.combine(followed, fixed), carry, copy, number)

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
        copies = _with_item(copies, place, jax.tree.map(jnp.add, _item(copies, place), of_copy))
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
            return self._apply(inputs.context, carry, inputs.copy(number), number)

        return jax.lax.fori_loop(first, jnp.minimum(last, self._needed), step, carry)

    def sweep(self, kept: PyTree, number: Any) -> tuple[PyTree, Any]:
        """Returns the kept states as they are for the earlier steps, and the state before a step."""
        begin, end, load, first = jnp.asarray(self._sweeps)[number]

        def leg(index: Array, kept: PyTree) -> PyTree:
            load, first, last, store = jnp.asarray(self._legs)[index]
            return _with_item(kept, store, self.advanced(_item(kept, load), first, last))

        kept = jax.lax.fori_loop(begin, end, leg, kept) if len(self._legs) else kept
        return kept, self.advanced(_item(kept, load), first, number)


def _item(tree: PyTree, index: Any) -> PyTree:
    return jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, index, keepdims=False), tree)


def _with_item(tree: PyTree, index: Any, item: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, new: jax.lax.dynamic_update_index_in_dim(leaf, new, index, 0), tree, item)

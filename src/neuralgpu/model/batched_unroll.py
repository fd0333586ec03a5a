"""An unroll of a batch as one function of what it depends on, for backward passes that are written by hand."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from neuralgpu.model.results import Results

Noting = Callable[[Any, tuple[PyTree, Array], Results], tuple[Any, Any]]
"""A step without output: maps (carry, (one copy, step number), where to note results) to (carry, None)."""


class Inputs(NamedTuple):
    """What an unroll depends on."""

    context: PyTree
    """What the step closes over."""
    carry: PyTree
    copies: PyTree
    """Weights with the copies along the leading axis; step t uses copy t mod copies."""

    def copy(self, number: Array) -> PyTree:
        """Returns the weights of a step."""
        return item(self.copies, number % jax.tree.leaves(self.copies)[0].shape[0])


class Apply(NamedTuple):
    """A step as functions of what it depends on."""

    forwards: Callable[[PyTree, Any, PyTree, Array], tuple[Any, list[Array]]]
    """Maps (what the step closes over, the carry, a copy of the weights, the step's number) to the next carry and the
    results of the convolutions."""
    again: Callable[[PyTree, Any, PyTree, Array, list[Array]], Any]
    """Maps the same and the results, whose values it does not compute again, to the next carry."""


Run = Callable[[Inputs, Array, Apply], PyTree]
"""Maps (inputs, the number of steps to take, a step) to the last carry."""


def without_results(step: Callable[[Any, tuple[PyTree, Array]], tuple[Any, None]]) -> Noting:
    """Returns a step that notes nothing."""
    return lambda carry, inputs, _: step(carry, inputs)


def unroll_batch(
    step: Noting,
    carry: PyTree,
    copies: PyTree,
    needed: Array,
    example_axis: str | None,
    run: Run,
) -> PyTree:
    """Returns what `run` makes of a step, of the whole batch under `vmap`.

    Its backward pass can add up the weights' gradients over the batch at every step, where that of an example by itself
    would keep one gradient an example. So gradients are taken outside the `vmap` over examples; JAX refuses them
    without one.

    Args:
        step: a step without output.
        copies: weights, with the copies along the leading axis of every array.
        needed: one number for all examples.
        example_axis: name of the axis of that `vmap`, if steps refer to it.
        run: the unroll, with a derivative of its own.
    """

    def noted(carry: Any, copy: PyTree, number: Array) -> tuple[Any, list[Array]]:
        results = Results()
        return step(carry, (copy, number), results)[0], results.noted

    def known(carry: Any, copy: PyTree, number: Array, results: list[Array]) -> Any:
        return step(carry, (copy, number), Results(results))[0]

    arguments = carry, item(copies, 0), jnp.zeros((), jnp.int32)
    _, shapes = jax.eval_shape(noted, *arguments)
    converted = (
        eqx.filter_closure_convert(noted, *arguments),
        eqx.filter_closure_convert(known, *arguments, shapes),
    )
    context, rest = eqx.partition(converted, eqx.is_array)

    def forwards(context: PyTree, carry: Any, copy: PyTree, number: Array) -> tuple[Any, list[Array]]:
        return eqx.combine(context, rest)[0](carry, copy, jnp.asarray(number, jnp.int32))

    def again(context: PyTree, carry: Any, copy: PyTree, number: Array, results: list[Array]) -> Any:
        return eqx.combine(context, rest)[1](carry, copy, jnp.asarray(number, jnp.int32), results)

    @jax.custom_batching.custom_vmap
    def of_example(inputs: Inputs, needed: Array) -> PyTree:
        return run(inputs, needed, Apply(forwards, again))

    @of_example.def_vmap
    def _(axis_size: int, batched: list[Any], inputs: Inputs, needed: Array) -> tuple[PyTree, PyTree]:
        axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, batched[0])
        in_axes = (axes.context, 0, axes.copies, None)
        over_batch = partial(jax.vmap, axis_size=axis_size, axis_name=example_axis)
        of_batch = Apply(over_batch(forwards, in_axes), over_batch(again, (*in_axes, 0)))
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
        last = run(Inputs(inputs.context, carry, copies), needed, of_batch)
        return last, jax.tree.map(lambda _: True, last)

    return of_example(Inputs(context, carry, copies), needed)


def item(tree: PyTree, index: Any) -> PyTree:
    """Returns what lies at an index of the leading axis of every array."""
    return jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, index, keepdims=False), tree)


def with_item(tree: PyTree, index: Any, item: PyTree) -> PyTree:
    """Returns the arrays with something else at an index of their leading axis."""
    return jax.tree.map(lambda leaf, new: jax.lax.dynamic_update_index_in_dim(leaf, new, index, 0), tree, item)

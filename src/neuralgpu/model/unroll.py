"""Runs the step loop."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Int, PyTree

from neuralgpu.errors import UserError
from neuralgpu.model.batched_unroll import Noting
from neuralgpu.model.flat import unroll_flat
from neuralgpu.model.in_batch import largest_in_batch
from neuralgpu.model.memory import OFFLOAD, SQRT, STEP, STORE, Memory
from neuralgpu.model.snapshots import unroll_with_snapshots

_HOST = "pinned_host"
_LOOKED_AT = 8
"""One round in so many is looked at to see whether it changes anything."""
Step = Callable[[Any, tuple[PyTree, Array]], tuple[Any, Any]]


def unroll(
    step: Step,
    carry: PyTree,
    copies: PyTree,
    rounds: int,
    *,
    memory: Memory,
    last_step: Int[Array, ""] | None = None,
    example_axis: str | None = None,
    noting: Noting | None = None,
) -> tuple[PyTree, PyTree]:
    """Applies `step` with each relaxed copy in turn, `rounds` times over.

    The copies are the inner loop's inputs, not something indexed by step: their gradients come out stacked, without
    a scatter into all the copies at every step.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, output).
        copies: weights, with the copies along the leading axis of every array.
        memory: what is kept for the backward pass. To compute a step again, as all but 'store' do, is faster than to
            store its inside, which is written to memory and read back.
        last_step: the last step that changes this example's carry; steps that change no example's may be skipped,
            forwards and backwards. The step has no output then (None). Without it every step runs.
        example_axis: name of the axis of the `vmap` over examples, if steps refer to it.
        noting: the step, as one that is given where to note results of its convolutions, for an example that is one of
            a batch under `vmap`. With it and 'step' a CPU runs all steps in one loop, which takes 0.93 (128 channels)
            to 0.97 (24) of the time of a loop in a loop: states and gradients of weights are written once.

    Returns:
        The last carry, and the outputs stacked as [rounds, copies, ...].

    Raises:
        UserError: the device does not have the memory that the strategy needs.
    """
    count = jax.tree.leaves(copies)[0].shape[0]
    last_of_all = None if last_step is None else largest_in_batch(last_step)
    if memory.strategy in ("sqrt", "treeverse"):
        steps = rounds * count
        needed = jnp.asarray(steps) if last_of_all is None else jnp.minimum(last_of_all + 1, steps)
        step, carry = _recording(step, carry, copies, steps)
        if memory == SQRT:
            carry, outputs = _in_blocks(step, carry, copies, rounds, needed)
        else:
            snapshots = min(memory.snapshots, steps)
            carry, outputs = unroll_with_snapshots(step, carry, copies, steps, snapshots, needed, example_axis)
        return carry, jax.tree.map(lambda leaf: leaf.reshape(rounds, count, *leaf.shape[1:]), outputs)
    if memory == STEP and noting is not None and last_of_all is not None and jax.default_backend() == "cpu":
        steps = rounds * count
        return unroll_flat(noting, carry, copies, steps, jnp.minimum(last_of_all + 1, steps)), None
    if memory == OFFLOAD:
        step, last_of_all = _offloading(step), None  # a state in the host's memory cannot come out of a branch
    elif memory != STORE:
        step = jax.checkpoint(step)

    def one_round(carry: PyTree, number: Array) -> tuple[PyTree, PyTree]:
        return jax.lax.scan(step, carry, (copies, number * count + jnp.arange(count)))

    if last_of_all is None:
        return jax.lax.scan(one_round, carry, jnp.arange(rounds))

    def needed_round(carry: PyTree, number: Array) -> tuple[PyTree, PyTree]:
        return jax.lax.cond(
            number * count <= last_of_all, one_round, lambda carry, number: (carry, None), carry, number
        )

    return jax.lax.scan(needed_round, carry, jnp.arange(rounds))


def unroll_until_settled(step: Step, carry: PyTree, copies: PyTree, rounds: int | Array) -> PyTree:
    """Applies `step` as `unroll` does, but no longer than until a whole round has changed nothing.

    What a round of steps leaves as it is, bit for bit and step for step, all later ones would: the last carry is the
    same as that of all the rounds. One round in a few is looked at, since to compare costs up to a tenth of a round.
    Under `vmap` the loop ends where no example's carry changes any more. It cannot be differentiated in reverse.

    Args:
        step: maps (carry, (one copy, step number)) to (carry, output that is not kept). It makes of the same carry and
            copy always the same, or leaves the carry alone from some step number on.
        copies: weights, with the copies along the leading axis of every array.
        rounds: the most rounds; may be traced.

    Returns:
        The last carry.
    """
    count = jax.tree.leaves(copies)[0].shape[0]

    def numbered(number: Array) -> tuple[PyTree, Array]:
        return copies, number * count + jnp.arange(count)

    def unchecked(number: Array, carry: PyTree) -> PyTree:
        return jax.lax.scan(lambda carry, inputs: (step(carry, inputs)[0], None), carry, numbered(number))[0]

    def checked(loop: tuple[PyTree, Array], inputs: tuple[PyTree, Array]) -> tuple[tuple[PyTree, Array], None]:
        carry, moved = loop
        new, _ = step(carry, inputs)
        for before, after in zip(jax.tree.leaves(carry), jax.tree.leaves(new), strict=True):
            moved |= jnp.any(before != after)
        return (new, moved), None

    def some_rounds(loop: tuple[PyTree, Array, Array]) -> tuple[PyTree, Array, Array]:
        carry, number, _ = loop
        last = jnp.minimum(number + _LOOKED_AT, rounds) - 1
        carry = jax.lax.fori_loop(number, last, unchecked, carry)
        (carry, moved), _ = jax.lax.scan(checked, (carry, jnp.zeros((), bool)), numbered(last))
        return carry, last + 1, largest_in_batch(moved)

    def goes_on(loop: tuple[PyTree, Array, Array]) -> Array:
        _, number, moved = loop
        return (number < rounds) & moved

    return jax.lax.while_loop(goes_on, some_rounds, (carry, jnp.zeros((), jnp.int32), jnp.ones((), bool)))[0]


def _recording(step: Step, carry: PyTree, copies: PyTree, steps: int) -> tuple[Step, PyTree]:
    """Returns a step without output that writes its outputs into a part of the carry, and the carry with that part."""
    one_copy = jax.tree.map(lambda leaf: leaf[0], copies)
    _, shapes = jax.eval_shape(step, carry, (one_copy, jnp.zeros((), jnp.int32)))
    record = jax.tree.map(lambda shape: jnp.zeros((steps, *shape.shape), shape.dtype), shapes)

    def recorded(carry: PyTree, inputs: tuple[PyTree, Array]) -> tuple[PyTree, None]:
        carry, record = carry
        carry, output = step(carry, inputs)
        return (carry, jax.tree.map(lambda leaf, part: leaf.at[inputs[1]].set(part), record, output)), None

    return recorded, (carry, record)


def _in_blocks(step: Step, carry: PyTree, copies: PyTree, rounds: int, needed: Array) -> PyTree:
    """Keeps the carries between blocks of rounds, and those inside of a block while it is reversed."""
    count = jax.tree.leaves(copies)[0].shape[0]
    in_block = max(1, round(math.sqrt(rounds / count)))

    @jax.checkpoint
    def needed_step(carry: PyTree, inputs: tuple[PyTree, Array]) -> tuple[PyTree, None]:
        # The branch is inside of what is computed again: around it, it would keep the weights of every step.
        return jax.lax.cond(inputs[1] < needed, step, lambda carry, inputs: (carry, None), carry, inputs)

    def one_round(carry: PyTree, number: Array) -> tuple[PyTree, None]:
        return jax.lax.scan(needed_step, carry, (copies, number * count + jnp.arange(count)))

    @jax.checkpoint
    def block(carry: PyTree, number: Array) -> tuple[PyTree, None]:
        return jax.lax.scan(one_round, carry, number * in_block + jnp.arange(in_block))

    return jax.lax.scan(block, carry, jnp.arange(math.ceil(rounds / in_block)))[0]


def _offloading(step: Step) -> Step:
    """Lets the carry before the step wait for the backward pass in the host's memory."""
    policy = jax.checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=[],
        names_which_can_be_offloaded=["carry"],
        offload_src="device",
        offload_dst=_host_memory(),
    )
    return jax.checkpoint(
        lambda carry, inputs: step(jax.tree.map(lambda leaf: checkpoint_name(leaf, "carry"), carry), inputs),
        policy=policy,
    )


def _host_memory() -> str:
    kinds = {memory.kind for memory in jax.local_devices()[0].addressable_memories()}
    if _HOST not in kinds:
        raise UserError(
            f"memory 'offload' needs a device that reaches {_HOST} memory, this one has {', '.join(sorted(kinds))}; "
            "use treeverse:K or sqrt."
        )
    return _HOST

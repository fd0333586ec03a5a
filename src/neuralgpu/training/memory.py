"""Which memory strategy a run takes where its settings leave the choice: the fastest whose training step fits."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from neuralgpu.config import RunConfig
from neuralgpu.devices import memory_bytes
from neuralgpu.errors import UserError
from neuralgpu.model.memory import STEP, Memory, bytes_text, treeverse
from neuralgpu.training.padding import longest_padded
from neuralgpu.training.placement import Placement, placement
from neuralgpu.training.step import gradient_shapes, learner_shapes, lowered_follow, lowered_gradient

_SHARE = 0.8
"""Of the machine's or the device's memory, where no budget is given."""


class Settled(NamedTuple):
    """A choice, and what it rests on."""

    config: RunConfig
    """With the strategy in the place of 'auto'."""
    needed: int
    """Bytes that a training step needs with it, as the compiler counts."""
    budget: int


def settled(config: RunConfig, budget: int | None) -> Settled:
    """Chooses the strategy for the longest inputs, with a share of all memory as the budget where none is given.

    The candidates, fastest first, are 'step' and then treeverse with ever fewer states. The others are no faster with
    as much memory: 'store' takes 1.5 times as long as 'step' at 24 channels and 1.2 times at 128 (on a CPU:
    benchmarks/memory.py), 'sqrt' evaluates more steps than treeverse does with as many states, and 'offload' moves
    every state twice.

    Raises:
        UserError: none fits the budget.
    """
    budget = budget or int(_SHARE * _available_bytes())
    model, curriculum = config.model, config.curriculum
    steps = model.steps_of(curriculum.max_length, curriculum.training_buckets[-1])
    memory, needed = STEP, 0
    for memory in _fastest_first(model.rounds(steps) * model.copies):
        chosen = replace(config, memory=str(memory))
        needed = step_bytes(chosen)
        if needed <= budget:
            return Settled(chosen, needed, budget)
    raise UserError(
        f"No memory strategy makes a training step fit into {bytes_text(budget)}: {memory} still needs "
        f"{bytes_text(needed)}; use --microbatch, fewer --seeds or a smaller model."
    )


def _fastest_first(steps: int) -> Iterator[Memory]:
    yield STEP
    while steps > 1:
        yield treeverse(steps)
        steps //= 2


def step_bytes(config: RunConfig) -> int:
    """Returns the bytes that a training step with the longest inputs needs, by the compiler's analysis.

    Counted for one device where it has memory of its own, and for all of them on a CPU, where they share it.
    """
    divided = _placement(config)
    compiled = lowered_gradient(config, divided, longest_padded(config)).compile()
    learner = learner_shapes(config, divided.slots, divided.by_seed)
    earlier = (gradient_shapes(config, divided),) * (_buckets_at_once(config) - 1)
    waiting = math.ceil(len(config.seeds) / divided.slots) - 1
    peak = max(
        _program_bytes(compiled) + _bytes_on_a_device(divided, (learner.moments, earlier)),
        _following_bytes(replace(config, memory="step", microbatch=0)),
    )
    peak += waiting * _bytes_on_a_device(divided, learner)
    return peak * (divided.mesh.size if jax.default_backend() == "cpu" else 1)


@lru_cache(maxsize=1)
def _following_bytes(config: RunConfig) -> int:
    """Returns what it takes to follow the gradients, which is the same for all strategies."""
    return _program_bytes(lowered_follow(config, _placement(config), _buckets_at_once(config)).compile())


def _placement(config: RunConfig) -> Placement:
    return placement(len(config.seeds), config.batch, at_once=config.group)


def _buckets_at_once(config: RunConfig) -> int:
    """Returns the number of gradients that a step has at once in the end, one a bucket."""
    return len(config.curriculum.training_buckets) if config.curriculum.kind == "buckets" else 1


def _program_bytes(compiled: Any) -> int:
    """Returns the bytes that a compiled program holds at once on a device: arguments, results and what is between."""
    found = compiled.memory_analysis()
    return (
        found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes - found.alias_size_in_bytes
    )


def _bytes_on_a_device(divided: Placement, tree: PyTree) -> int:
    return sum(
        math.prod(divided.by_seed.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)
    )


def _available_bytes() -> int:
    statistics = jax.local_devices()[0].memory_stats() or {}
    return statistics.get("bytes_limit", memory_bytes())

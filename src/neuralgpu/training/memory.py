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
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.placement import Placement, placement
from neuralgpu.training.step import compiled_programs, input_shapes, learner_shapes

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
    """Chooses the strategy for the largest bucket, with a share of all memory as the budget where none is given.

    The candidates, fastest first, are 'step' and then treeverse with ever fewer states. The others are no faster with
    as much memory: 'store' takes 1.6 times as long as 'step' at 24 channels and 1.04 times at 128 (on a CPU:
    benchmarks/memory.py), 'sqrt' evaluates more steps than treeverse does with as many states, and 'offload' moves
    every state twice.

    Raises:
        UserError: none fits the budget.
    """
    budget = budget or int(_SHARE * _available_bytes())
    bucket = config.curriculum.training_buckets[-1]
    memory, needed = STEP, 0
    for memory in _fastest_first(config.model.rounds(bucket) * config.model.copies):
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
    """Returns the bytes that a training step of the largest bucket needs, by the compiler's analysis.

    Counted for one device where it has memory of its own, and for all of them on a CPU, where they share it.
    """
    divided = _placement(config)
    learner, (examples, weights) = learner_shapes(config, divided), _inputs(config, divided)
    compiled = compiled_programs(config, divided).gradient.lower(learner.model, examples, weights).compile()
    waiting = math.ceil(len(config.seeds) / divided.slots) - 1
    peak = max(
        _program_bytes(compiled) + _bytes_on_a_device(divided, (learner.moments, _gradients(config, divided)[1:])),
        _following_bytes(replace(config, memory="step", microbatch=0)),
    )
    peak += waiting * _bytes_on_a_device(divided, learner)
    return peak * (divided.mesh.size if jax.default_backend() == "cpu" else 1)


@lru_cache(maxsize=1)
def _following_bytes(config: RunConfig) -> int:
    """Returns what it takes to follow the gradients, which is the same for all strategies."""
    divided = _placement(config)
    learner, (examples, weights), gradients = (
        learner_shapes(config, divided),
        _inputs(config, divided),
        _gradients(config, divided),
    )
    used, noise_seed = (examples.used,) * len(gradients), jax.eval_shape(lambda seeds: seeds[:, 0], examples.seed)
    follow = compiled_programs(config, divided).follow
    return _program_bytes(follow.lower(learner, gradients, used, weights, noise_seed).compile())


def _placement(config: RunConfig) -> Placement:
    return placement(len(config.seeds), config.batch, at_once=config.group)


def _inputs(config: RunConfig, divided: Placement) -> tuple[Examples, Weights]:
    """Returns the shapes of the largest bucket's inputs."""
    return input_shapes(config, config.curriculum.training_buckets[-1], divided)


def _gradients(config: RunConfig, divided: Placement) -> tuple[PyTree, ...]:
    """Returns the shapes of the gradients that a step has at once in the end, one a bucket."""
    model, (examples, weights) = learner_shapes(config, divided).model, _inputs(config, divided)
    gradient, _ = jax.eval_shape(compiled_programs(config, divided).gradient, model, examples, weights)
    return (gradient,) * (len(config.curriculum.training_buckets) if config.curriculum.kind == "buckets" else 1)


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

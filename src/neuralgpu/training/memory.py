"""Which memory strategy a run takes where its settings leave the choice: the fastest whose training step fits."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuralgpu.config import RunConfig
from neuralgpu.devices import memory_bytes
from neuralgpu.errors import UserError
from neuralgpu.model.memory import STEP, Memory, bytes_text, treeverse
from neuralgpu.tasks import find_task
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.step import Learner, Programs, compiled_programs, initial_learner

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
    programs = compiled_programs(config)
    learner, examples, weights = _shapes(config)
    compiled = programs.gradient.lower(learner.model, examples, weights).compile()
    earlier = _gradients(config, programs)[1:]
    peak = max(
        _program_bytes(compiled) + _bytes_on_a_device(programs, (learner.moments, earlier)),
        _following_bytes(replace(config, memory="step", microbatch=0)),
    )
    return peak * (programs.sharding.mesh.size if jax.default_backend() == "cpu" else 1)


@lru_cache(maxsize=1)
def _following_bytes(config: RunConfig) -> int:
    """Returns what it takes to follow the gradients, which is the same for all strategies."""
    programs = compiled_programs(config)
    learner, examples, weights = _shapes(config)
    gradients = _gradients(config, programs)
    used, noise_seed = (examples.used,) * len(gradients), jax.eval_shape(lambda seeds: seeds[:, 0], examples.seed)
    return _program_bytes(programs.follow.lower(learner, gradients, used, weights, noise_seed).compile())


def _gradients(config: RunConfig, programs: Programs) -> tuple[PyTree, ...]:
    """Returns the shapes of the gradients that a step has at once in the end, one a bucket."""
    learner, examples, weights = _shapes(config)
    gradient, _ = jax.eval_shape(programs.gradient, learner.model, examples, weights)
    return (gradient,) * (len(config.curriculum.training_buckets) if config.curriculum.kind == "buckets" else 1)


def _program_bytes(compiled: Any) -> int:
    """Returns the bytes that a compiled program holds at once on a device: arguments, results and what is between."""
    found = compiled.memory_analysis()
    return (
        found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes - found.alias_size_in_bytes
    )


def _shapes(config: RunConfig) -> tuple[Learner, Examples, Weights]:
    """Returns shapes of what a training step of the largest bucket is called with."""
    seeds, bucket = len(config.seeds), config.curriculum.training_buckets[-1]
    shape: Any = jax.ShapeDtypeStruct
    examples = Examples(
        shape((seeds, config.batch, bucket, max(find_task(task).rows for task in config.tasks)), jnp.int32),
        shape((seeds, config.batch, bucket), jnp.int32),
        shape((seeds, config.batch), jnp.uint32),
        shape((seeds,), jnp.float32),
        shape((seeds,), jnp.float32),
        shape((seeds,), jnp.int32),
    )
    weights = Weights(*[shape((seeds,), jnp.float32)] * len(Weights._fields))
    return jax.eval_shape(lambda: initial_learner(config)), examples, weights


def _bytes_on_a_device(programs: Programs, tree: PyTree) -> int:
    return sum(
        math.prod(programs.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)
    )


def _available_bytes() -> int:
    statistics = jax.local_devices()[0].memory_stats() or {}
    return statistics.get("bytes_limit", memory_bytes())

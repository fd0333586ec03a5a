"""What a computation will cost, told before it is begun."""

from neuralgpu.config import RunConfig
from neuralgpu.devices import cores, memory_bytes
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.memory import Auto, parse_memory

_MOST_OPERATIONS = 2e15
"""Of one evaluation command; some ten hours on two cores."""
_MOST_STEP_OPERATIONS = 5e13
"""Of one training step; some fifteen minutes on two cores."""
_OPERATIONS_PER_SECOND = 6e10
"""Of two common cores, for the estimate in messages."""
_FLOAT = 4
_COPIES_OF_WEIGHTS = 6
"""Weights and two moments, on the devices and on the host."""
_BYTES_A_SYMBOL, _BYTES_AN_EXAMPLE = 20, 600
"""Of test inputs, which are drawn before the first is answered: texts, symbols and Python's objects."""


def operations(model: ModelConfig, length: int) -> float:
    """Returns the floating-point operations of one forward pass on one input.

    They grow with length squared, with attention cubed.
    """
    inputs = model.channels + model.task_channels
    cell = 2 * model.kernel * model.kernel_rows * _convolutions(model) * inputs * model.channels
    operation = 0
    if model.global_operation == "attention":
        operation = 2 * length * (model.attention_width + model.height * model.channels)
    return float(length) * model.steps(length) * (model.height * model.layers * cell + operation)


def check_evaluation(model: ModelConfig, seeds: int, lengths_and_counts: list[tuple[int, int]]) -> None:
    """Refuses an evaluation that would not end in a working day.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    total = sum(seeds * count * operations(model, length) for length, count in lengths_and_counts)
    longest, count = max(lengths_and_counts)
    if total > _MOST_OPERATIONS:
        raise UserError(
            f"Answering {count} inputs of length {longest} takes {total:.1e} operations in all, about "
            f"{total / _OPERATIONS_PER_SECOND / 3600:,.0f} hours on two cores; use a smaller --length or --count."
        )
    needed = 16 * _FLOAT * seeds * float(longest) * model.numbers_a_position(longest)
    _check_memory(needed, f"One input of length {longest}", "a smaller --length")
    kept = max(count * (length * _BYTES_A_SYMBOL + _BYTES_AN_EXAMPLE) for length, count in lengths_and_counts)
    _check_memory(float(kept), f"Keeping {max(count for _, count in lengths_and_counts)} inputs", "a smaller --count")


def check_training(config: RunConfig) -> None:
    """Refuses training of which a group's step would take absurdly long or not fit into memory.

    The group is taken to be as large as the settings, or else the cores, let it be.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    model, curriculum = config.model, config.curriculum
    buckets = curriculum.training_buckets if curriculum.kind == "buckets" else curriculum.training_buckets[-1:]
    seeds = min(len(config.seeds), config.group or cores())
    total = 4 * seeds * config.batch * sum(operations(model, bucket) for bucket in buckets)
    remedy = "fewer --seeds, or smaller batch, model.channels or curriculum lengths with --set"
    if total > _MOST_STEP_OPERATIONS:
        raise UserError(
            f"One training step takes {total:.1e} operations, about {total / _OPERATIONS_PER_SECOND / 60:,.0f} minutes "
            f"on two cores; use {remedy}."
        )
    memory = parse_memory(config.memory)
    at_once = seeds * (config.microbatch or config.batch)
    kept = sum(float(bucket) * (1 if isinstance(memory, Auto) else memory.states(bucket)) for bucket in buckets)
    _check_memory(
        kept * at_once * model.height * model.channels * _FLOAT, "A training step", f"{remedy}, or --memory treeverse:8"
    )

    cell = (
        model.kernel
        * model.kernel_rows
        * _convolutions(model)
        * (model.channels + model.task_channels)
        * model.channels
    )
    weights = model.copies * model.layers * cell * _COPIES_OF_WEIGHTS * len(config.seeds) * _FLOAT
    _check_memory(float(weights), f"Training {len(config.seeds)} seeds", "fewer --seeds, in several runs")


def _convolutions(model: ModelConfig) -> int:
    return 1 if model.cell == "residual" else 3


def _check_memory(needed: float, what: str, remedy: str) -> None:
    if needed > 0.8 * memory_bytes():
        raise UserError(
            f"{what} needs about {needed / 1e9:,.0f} GB of memory, this machine has {memory_bytes() / 1e9:,.0f} GB; "
            f"use {remedy}."
        )

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
OPERATIONS_A_CORE = _OPERATIONS_PER_SECOND / 2
"""In a second, for estimates of whole runs; 'neuralgpu bench' reaches twice as many with the paper's model."""
_FLOAT = 4
_COPIES_OF_WEIGHTS = 6
"""Weights and two moments, on the devices and on the host."""
STEP_PASSES = 4
"""Of a training step: forward, the same again in the backward pass, and twice as much for the gradients."""
_SMALLER = "fewer --seeds, or smaller batch, model.channels or curriculum lengths with --set"
_STATES_KEPT, _WEIGHTS_OF_A_STEP = 2, 25
"""How often a step holds the states that its memory strategy keeps, and the weights, at once."""
_BYTES_OF_A_PROCESS = 600_000_000
"""Python, JAX, and compiling."""
_STEPS_AWAKE = 64
"""Steps in which all positions of a state may move that comes to rest in parts; how long others do nobody knows."""
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


def check_evaluation(
    model: ModelConfig,
    seeds: int,
    lengths_and_counts: list[tuple[int, int]],
    options: tuple[str, ...] = ("--length", "--count"),
) -> None:
    """Refuses an evaluation that would not end in a working day.

    Where states come to rest in parts only the steps before that are counted, so what is allowed may take longer.

    Args:
        model: what answers.
        seeds: how many of them.
        lengths_and_counts: the inputs.
        options: what the user has to make smaller, the length first.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    total = sum(seeds * count * _sure_operations(model, length) for length, count in lengths_and_counts)
    longest, count = max(lengths_and_counts)
    if total > _MOST_OPERATIONS:
        raise UserError(
            f"Answering {count} inputs of length {longest} takes {total:.1e} operations in all, about "
            f"{total / _OPERATIONS_PER_SECOND / 3600:,.0f} hours on two cores; use a smaller {' or '.join(options)}."
        )
    numbers = model.height * model.channels if model.rests_in_parts else model.numbers_a_position(longest)
    needed = 16 * _FLOAT * seeds * float(longest) * numbers
    _check_memory(needed, f"One input of length {longest}", f"a smaller {options[0]}")
    kept = max(count * (length * _BYTES_A_SYMBOL + _BYTES_AN_EXAMPLE) for length, count in lengths_and_counts)
    _check_memory(
        float(kept), f"Keeping {max(count for _, count in lengths_and_counts)} inputs", f"a smaller {options[-1]}"
    )


def _sure_operations(model: ModelConfig, length: int) -> float:
    """Returns the operations of an input's forward pass that are not spared wherever its state is at rest."""
    awake = min(1, _STEPS_AWAKE / model.steps(length)) if model.rests_in_parts else 1
    return awake * operations(model, length)


def step_operations(config: RunConfig) -> float:
    """Returns the floating-point operations of one training step of one seed with the longest inputs there are.

    The forward pass, the same once more in the backward pass, and twice as much for the gradients.
    """
    return STEP_PASSES * config.batch * sum(operations(config.model, bucket) for bucket in _buckets(config))


def training_bytes(config: RunConfig, at_once: int) -> int:
    """Estimates the memory of a process that trains the seeds of a run, so many of them at once.

    Held against the compiler's analysis (`training.memory.step_bytes`), the part that grows with the seeds is 1.0 to
    1.5 times what it finds for the preset 'classic' at 24 and 128 channels and for 'fast' at 48.
    """
    model, memory = config.model, parse_memory(config.memory)
    examples = config.microbatch or config.batch
    states = sum(
        bucket * float(bucket if isinstance(memory, Auto) else memory.states(bucket)) for bucket in _buckets(config)
    )
    kept = _STATES_KEPT * states * examples * model.height * model.channels * _FLOAT
    weights = _weights(model) * _FLOAT
    resting = _COPIES_OF_WEIGHTS * weights * len(config.seeds)
    return int(_BYTES_OF_A_PROCESS + at_once * (kept + _WEIGHTS_OF_A_STEP * weights) + resting)


def check_step(config: RunConfig, seeds: int = 1) -> None:
    """Refuses training of which a step of so many seeds would take absurdly long.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    total = seeds * step_operations(config)
    if total > _MOST_STEP_OPERATIONS:
        raise UserError(
            f"One training step takes {total:.1e} operations, about {total / _OPERATIONS_PER_SECOND / 60:,.0f} minutes "
            f"on two cores; use {_SMALLER}."
        )


def check_training(config: RunConfig) -> None:
    """Refuses training of which a group's step would take absurdly long or not fit into memory.

    The group is taken to be as large as the settings, or else the cores, let it be.

    Raises:
        UserError: the message gives the estimate and what to change.
    """
    model = config.model
    seeds = min(len(config.seeds), config.group or cores())
    check_step(config, seeds)
    memory = parse_memory(config.memory)
    at_once = seeds * (config.microbatch or config.batch)
    kept = sum(
        float(bucket) * (1 if isinstance(memory, Auto) else memory.states(bucket)) for bucket in _buckets(config)
    )
    _check_memory(
        kept * at_once * model.height * model.channels * _FLOAT,
        "A training step",
        f"{_SMALLER}, or --memory treeverse:8",
    )
    weights = _weights(model) * _COPIES_OF_WEIGHTS * len(config.seeds) * _FLOAT
    _check_memory(float(weights), f"Training {len(config.seeds)} seeds", "fewer --seeds, in several runs")


def _buckets(config: RunConfig) -> tuple[int, ...]:
    """Returns the padded lengths of the largest step: all the buckets where it has one batch of each."""
    buckets = config.curriculum.training_buckets
    return buckets if config.curriculum.kind == "buckets" else buckets[-1:]


def _weights(model: ModelConfig) -> int:
    """Returns the number of weights of the layers of all copies."""
    cell = model.kernel * model.kernel_rows * _convolutions(model) * (model.channels + model.task_channels)
    return model.copies * model.layers * cell * model.channels


def _convolutions(model: ModelConfig) -> int:
    return 1 if model.cell == "residual" else 3


def _check_memory(needed: float, what: str, remedy: str) -> None:
    if needed > 0.8 * memory_bytes():
        raise UserError(
            f"{what} needs about {needed / 1e9:,.0f} GB of memory, this machine has {memory_bytes() / 1e9:,.0f} GB; "
            f"use {remedy}."
        )

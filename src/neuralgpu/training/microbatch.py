"""The gradient of a batch, group by group where it does not fit into memory at once."""

import equinox as eqx
import jax
import jax.numpy as jnp

from neuralgpu.config import RunConfig
from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.trainable import probed
from neuralgpu.training.objective import Examples, Report, Weights, objective


def batch_gradient(
    model: NeuralGPU, examples: Examples, weights: Weights, config: RunConfig, axes: tuple[str, ...] = ()
) -> tuple[NeuralGPU, Report]:
    """Returns the gradient of the objective and the report, means over the batch that this device was given.

    In the place of the probe the gradient has the squared slices of the embedding's gradient, in that of the running
    moments what they change by. See `group_size` for the groups that the batch is worked on in.

    Args:
        axes: names of the mapped axes along which further examples of the bucket lie.
    """
    count, group = len(examples.grid), group_size(len(examples.grid), config)
    if group == count:
        return _of_group(model, examples, weights, config, axes)
    groups = [
        leaf.reshape(count // group, group, *leaf.shape[1:]) for leaf in (examples.grid, examples.target, examples.seed)
    ]

    def add(total: tuple[NeuralGPU, Report], inputs: list[AnyArray]) -> tuple[tuple[NeuralGPU, Report], None]:
        return jax.tree.map(jnp.add, total, of_group(inputs)), None

    def of_group(inputs: list[AnyArray]) -> tuple[NeuralGPU, Report]:
        grid, target, seed = inputs
        return _of_group(model, examples._replace(grid=grid, target=target, seed=seed), weights, config, axes)

    shapes = jax.eval_shape(of_group, [leaf[0] for leaf in groups])
    total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, shapes), groups)
    mean, report = jax.tree.map(lambda leaf: leaf / len(groups[0]), total)
    if config.optimiser.sliced:  # slices of a mean over groups are as many times smaller, their squares once more
        mean = eqx.tree_at(lambda model: model.probe, mean, mean.probe / len(groups[0]))
    return mean, report


def _of_group(
    model: NeuralGPU, examples: Examples, weights: Weights, config: RunConfig, axes: tuple[str, ...]
) -> tuple[NeuralGPU, Report]:
    asked = probed(model) if config.optimiser.sliced else model
    gradient, report = jax.grad(objective, has_aux=True)(asked, examples, weights, config, axes)
    if report.running is not None:
        gradient = eqx.tree_at(lambda model: model.batch_norm.running, gradient, report.running)
    return gradient, report._replace(running=None)


def group_size(count: int, config: RunConfig) -> int:
    """Returns the largest size that divides the inputs that a device was given and is not above `config.microbatch`."""
    return largest_divisor(count, config.microbatch or count)


def largest_divisor(count: int, at_most: int) -> int:
    """Returns the largest number up to `at_most` that divides `count`.

    >>> largest_divisor(12, 8)
    6
    """
    return max(divisor for divisor in range(1, at_most + 1) if count % divisor == 0)

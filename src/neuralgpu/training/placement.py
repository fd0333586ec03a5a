"""Where the seeds and examples of a compiled step lie: on which devices, and how many seeds at once."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

SEED, EXAMPLE = "seed_devices", "example_devices"
"""Axes of the devices' mesh."""
_BY_SEED, _BY_EXAMPLE = PartitionSpec(SEED), PartitionSpec(SEED, EXAMPLE)
_NOT_SHARED = 0.2
"""Share of a step's time that splitting its batch does not shorten: with two devices on a two-core CPU a split step
takes 0.6 of the time that one device needs, which leaves the second core almost idle."""


class Placement(NamedTuple):
    """How a compiled step's work is divided."""

    mesh: Mesh
    slots: int
    """Seeds that the step works on at once; a slot may be empty."""

    @property
    def seed_ways(self) -> int:
        """Number of devices, or rows of them, among which the slots are divided."""
        return self.mesh.shape[SEED]

    @property
    def batch_ways(self) -> int:
        """Number of devices among which each seed's batch is divided."""
        return self.mesh.shape[EXAMPLE]

    @property
    def by_seed(self) -> NamedSharding:
        """Of arrays with the seeds along the leading axis."""
        return NamedSharding(self.mesh, _BY_SEED)

    @property
    def by_example(self) -> NamedSharding:
        """Of arrays with the seeds along the first axis and the examples along the second."""
        return NamedSharding(self.mesh, _BY_EXAMPLE)


def placement(seeds: int, batch: int, devices: Sequence[Any] | None = None, at_once: int = 0) -> Placement:
    """Divides seeds over the devices, and each seed's batch where there are fewer seeds than devices.

    A CPU device works on one seed after the other, so there a step takes as many seeds as there are devices to divide
    them; the ensemble calls it for group after group. Others take all the seeds at once. Where fewer seeds may be taken
    than there are devices, their batches are split over the others.

    Args:
        seeds: number of seeds that are trained.
        batch: inputs of a seed, whose divisors are the numbers of devices that it can be split over.
        devices: all there are, of every process, when None.
        at_once: most seeds that a step may take at once, 0 for no bound.
    """
    devices = list(jax.devices() if devices is None else devices)
    seed_ways, batch_ways = min(
        (
            (rows, columns)
            for rows in range(1, min(seeds, len(devices), at_once or seeds) + 1)
            for columns in _ways(batch, len(devices), rows)
        ),
        key=lambda ways: (_relative_time(seeds, *ways), -ways[0]),
    )
    mesh = Mesh(np.array(devices[: seed_ways * batch_ways]).reshape(seed_ways, batch_ways), (SEED, EXAMPLE))
    rows = 1 if devices[0].platform == "cpu" else math.ceil(min(seeds, at_once or seeds) / seed_ways)
    return Placement(mesh, rows * seed_ways)


def _ways(batch: int, devices: int, seed_ways: int) -> list[int]:
    return [ways for ways in range(1, devices // seed_ways + 1) if batch % ways == 0]


def _relative_time(seeds: int, seed_ways: int, batch_ways: int) -> float:
    return math.ceil(seeds / seed_ways) * (_NOT_SHARED + (1 - _NOT_SHARED) / batch_ways)


def put(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """Lays arrays, which every process holds whole, onto the devices."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)
    return jax.tree.map(
        lambda leaf: jax.make_array_from_callback(np.shape(leaf), sharding, np.asarray(leaf).__getitem__), tree
    )


def given(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """Returns the arrays of a call as compiled programs take them: one process may leave the laying out to the call."""
    return tree if jax.process_count() == 1 else put(tree, sharding)


def fetched(tree: PyTree) -> Any:
    """Returns arrays that lie on the devices as NumPy's, whole in every process."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(tree, tiled=True)


def agreed(wish: bool) -> bool:
    """Says whether any process has a wish; every process has to ask."""
    if jax.process_count() == 1:
        return wish
    from jax.experimental import multihost_utils

    return bool(multihost_utils.process_allgather(np.array(wish)).any())

"""How fast this machine multiplies matrices, which is what a training step is measured against."""

import timeit
from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

_REPEATS = 5
_SIDE = {"cpu": 1024}
_OTHER_SIDE = 8192
_PRODUCTS = {"cpu": 4}
_OTHER_PRODUCTS = 16


def matrix_rate(compute: str, side: int | None = None) -> float:
    """Returns the floating-point operations a second of large matrix products on all devices at once.

    The products are of square matrices of random numbers, one after the other; the fastest of five rounds counts.

    Args:
        compute: type of the numbers, 'float32' or 'bfloat16'; products of float32 have the device's default precision,
            as those of a training step do.
        side: rows of a matrix; by default enough for the device.
    """
    backend = jax.default_backend()
    side = side or _SIDE.get(backend, _OTHER_SIDE)
    products = _PRODUCTS.get(backend, _OTHER_PRODUCTS)
    run = _compiled(compute, side, products)
    seconds = min(timeit.repeat(run, number=1, repeat=_REPEATS))
    return 2 * side**3 * products * jax.local_device_count() / seconds


@lru_cache(maxsize=4)
def _compiled(compute: str, side: int, products: int) -> Callable[[], jax.Array]:
    """Returns a round of products that has run once."""
    mesh = Mesh(np.array(jax.local_devices()), ("device",))
    rng = np.random.default_rng(0)

    @jax.jit
    @partial(jax.shard_map, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec("device"), check_vma=False)
    def multiply(matrix: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, products, lambda _, product: product @ matrix, matrix)[None]

    # Of this size numbers neither grow nor vanish from product to product.
    matrix = jnp.asarray(rng.normal(size=(side, side)) / side**0.5, jnp.dtype(compute))

    def run() -> jax.Array:
        return jax.block_until_ready(multiply(matrix))

    run()
    return run

"""Randomness inside a step, from a counter hash.

Threefry spends as long on the noise of a 48-channel step as a fifth of its matrix products; a hash of position
and seed with two multiplications is five times cheaper. Every draw depends on its seed and its own position alone,
never on the size of the batch or the padding behind it, so an example's noise is the same in whatever company it runs.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from neuralgpu.model.arrays import AnyArray

_WEYL = 0x9E3779B9
_BYTE_SUM_MEAN = 4 * 127.5
_BYTE_SUM_DEVIATION = math.sqrt(4 * (256**2 - 1) / 12)
_BELOW_MINUS_2 = math.erfc(math.sqrt(2)) / 2
"""Share of a normal distribution that lies below -2 deviations."""


def random_bits(seed: UInt32[AnyArray, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Returns 32 well mixed bits for every place of `shape`, in row-major order (two-round multiply-xorshift)."""
    return random_bits_at(jax.lax.iota(jnp.uint32, math.prod(shape)), seed).reshape(shape)


def random_bits_at(place: UInt32[AnyArray, "..."], seed: UInt32[AnyArray, ""]) -> UInt32[Array, "..."]:
    """Returns the bits of some places, counted in row-major order."""
    bits = place * jnp.uint32(_WEYL) + seed
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x21F0AAAD)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x735A2D97)
    return bits ^ (bits >> 15)


def gaussian(seed: UInt32[AnyArray, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Returns noise of mean 0 and variance 1: the sum of four uniform bytes, normal up to 3.4 deviations."""
    return gaussian_of(random_bits(seed, shape))


def gaussian_of(bits: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """Returns the noise that bits stand for."""
    total = (bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + (bits >> 24)
    return (total.astype(jnp.float32) - _BYTE_SUM_MEAN) / _BYTE_SUM_DEVIATION


def truncated_gaussian(seed: UInt32[AnyArray, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Returns normal noise of mean 0 that stays within 2 deviations, as TensorFlow's: its own deviation is 0.88."""
    uniform = (random_bits(seed, shape) >> 8).astype(jnp.float32) / 2**24
    return jax.scipy.special.ndtri(_BELOW_MINUS_2 + (1 - 2 * _BELOW_MINUS_2) * uniform)


def dropout(values: Float[Array, "..."], rate: Float[AnyArray, ""], seed: UInt32[AnyArray, ""]) -> Float[Array, "..."]:
    """Sets a share `rate` of the values to 0 and scales the others by 1 / (1 - rate)."""
    kept = random_bits(seed, values.shape) >= (rate * 4294967040.0).astype(jnp.uint32)
    return jnp.where(kept, values / (1 - rate), 0).astype(values.dtype)

"""The randomness inside a step: moments, independence, and that padding behind an example changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, truncnorm

from neuralgpu.model.noise import dropout, gaussian, random_bits, truncated_gaussian

COUNT = 1 << 16
DEVIATION = (4 * (256**2 - 1) / 12) ** 0.5
"""Of the sum of four uniform bytes."""
SEEDS = np.arange(64, dtype=np.uint32)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    """Noise of neighbouring seeds, [seed, place]."""
    return np.asarray(jax.jit(jax.vmap(lambda seed: gaussian(seed, (COUNT,))))(SEEDS))


def test_noise_has_mean_0_and_variance_1_for_every_seed(field: np.ndarray) -> None:
    # Standard errors of a mean and of a variance of a near-normal variable; 5 of them, over 64 seeds.
    assert np.abs(field.mean(axis=1)).max() < 5 / COUNT**0.5
    assert np.abs(field.var(axis=1) - 1).max() < 5 * (2 / COUNT) ** 0.5


def test_noise_is_distributed_as_the_sum_of_four_uniform_bytes(field: np.ndarray) -> None:
    byte = np.full(256, 1 / 256)
    exact = np.convolve(np.convolve(byte, byte), np.convolve(byte, byte))
    places = (np.arange(len(exact)) - exact @ np.arange(len(exact))) / DEVIATION
    for bound in (0.5, 1, 2, 3):
        share = exact[np.abs(places) < bound].sum()
        assert abs(np.mean(np.abs(field) < bound) - share) < 5 * (share * (1 - share) / field.size) ** 0.5
    assert exact[np.abs(places) < 1].sum() == pytest.approx(0.68, abs=0.02), "about normal"


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 192, 1024])
def test_neighbouring_places_are_independent(field: np.ndarray, distance: int) -> None:
    correlations = np.mean(field[:, :-distance] * field[:, distance:], axis=1)
    assert np.abs(correlations).max() < 5 / (COUNT - distance) ** 0.5
    assert abs(correlations.mean()) < 5 / (64 * (COUNT - distance)) ** 0.5


@pytest.mark.parametrize("distance", [1, 2, 3, 7, 16, 32])
def test_neighbouring_seeds_are_independent(field: np.ndarray, distance: int) -> None:
    correlations = np.mean(field[:-distance] * field[distance:], axis=1)
    assert np.abs(correlations).max() < 5 / COUNT**0.5


def test_no_two_seeds_share_a_stretch_of_noise() -> None:
    # The counter advances by a constant, so seeds that differ by it would repeat each other, one place further on.
    rng = np.random.default_rng(0)
    seeds = rng.integers(0, 2**32, 400, dtype=np.uint32)
    bits = np.asarray(jax.jit(jax.vmap(lambda seed: random_bits(seed, (512,))))(seeds))
    values, counts = np.unique(bits, return_counts=True)
    # 204,800 draws from 2^32: 4.9 coincidences expected; a shared stretch would add hundreds.
    assert (counts - 1).sum() < 25
    assert len(values) > 204_000


def test_every_bit_is_fair() -> None:
    bits = np.asarray(random_bits(np.array(12345, np.uint32), (COUNT,)))
    shares = ((bits[:, None] >> np.arange(32, dtype=np.uint32)) & 1).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 5 * 0.5 / COUNT**0.5


def test_padding_behind_an_example_does_not_change_its_noise() -> None:
    short, long = gaussian(np.array(9, np.uint32), (5, 2, 6)), gaussian(np.array(9, np.uint32), (8, 2, 6))
    assert np.array_equal(short, long[:5])
    assert not np.array_equal(short, gaussian(np.array(10, np.uint32), (5, 2, 6)))


def test_truncated_noise_is_normal_within_two_deviations() -> None:
    field = np.asarray(truncated_gaussian(np.array(7, np.uint32), (COUNT,)))
    assert 1.99 < np.abs(field).max() <= 2.00001
    exact = truncnorm(-2, 2)
    assert kstest(field, exact.cdf).pvalue > 0.001
    assert kstest(field, "norm").pvalue < 1e-6, "the ends are to be missing"


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.15, 0.5, 0.95])
def test_dropout_takes_its_share_and_keeps_the_mean(rate: float) -> None:
    values = np.asarray(dropout(jnp.ones(COUNT), np.array(rate, np.float32), np.array(3, np.uint32)))
    dropped = np.mean(values == 0)
    assert abs(dropped - rate) <= 5 * (rate * (1 - rate) / COUNT) ** 0.5
    assert np.allclose(values[values != 0], 1 / (1 - rate))

"""Sizes of what the fused kernels work on, and how they cut it into tiles."""

from dataclasses import dataclass

from neuralgpu.model.config import ModelConfig

_LEAST = 16
"""Smallest side of a matrix product's tile."""
PLACES = 64
"""Places of a tile: what one matrix instruction of four warps takes."""
MOST_IN = 256
"""Largest tile along the contracted axis."""
_IN_A_LOOP = 64
"""Size of the tiles along it where there are many."""
MOST_OUT = 64
"""Largest tile along the channels out."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of one batch of one seed; the kernels' arrays are flat, their last axes are [position, row, channel]."""

    layers: int
    copies: int
    rounds: int
    batch: int
    length: int
    height: int
    channels: int
    kernel: int
    kernel_rows: int

    @classmethod
    def of(cls, config: ModelConfig, batch: int, bucket: int, rounds: int) -> "Shape":
        """Returns the shape of a batch in a bucket."""
        return cls(
            layers=config.layers,
            copies=config.copies,
            rounds=rounds,
            batch=batch,
            length=bucket,
            height=config.height,
            channels=config.channels,
            kernel=config.kernel,
            kernel_rows=config.kernel_rows,
        )

    @property
    def places(self) -> int:
        """Positions times rows of an example."""
        return self.length * self.height

    def window_tiles(self, channels: int) -> tuple[tuple[int, int], ...]:
        """Returns the tiles of what a kernel sees of so many channels; more than two of them all have the same size."""
        size = self.taps * channels
        if size <= 2 * MOST_IN:
            return tiles(size, MOST_IN)
        width = min(_IN_A_LOOP, MOST_IN)
        return tuple((begin, width) for begin in range(0, size, width))

    def matrix(self, channels: int, out: int) -> tuple[int, int]:
        """Returns the shape of a kernel's matrix, padded as its tiles are."""
        return covered(self.window_tiles(channels)), covered(tiles(out))

    @property
    def taps(self) -> int:
        """Places that a kernel sees."""
        return self.kernel * self.kernel_rows

    @property
    def tiles(self) -> int:
        """Tiles of an example's places."""
        return -(-self.places // PLACES)

    @property
    def steps(self) -> int:
        """Steps of all rounds."""
        return self.rounds * self.copies

    def record(self, channels: int) -> tuple[int, ...]:
        """Returns the shape of what is kept of so many channels for every layer of every step.

        What is of steps that an example does not take stays unwritten.
        """
        return (self.layers, self.copies, self.rounds, self.batch, self.length, self.height, channels)


def tiles(size: int, most: int = MOST_OUT) -> tuple[tuple[int, int], ...]:
    """Cuts an axis into tiles whose sizes are powers of two, (begin, size); the last one may reach over the end.

    It does so where smaller tiles would not save a fourth of it.

    >>> tiles(216, 256), tiles(432, 256), tiles(48), tiles(24), tiles(8)
    (((0, 256),), ((0, 256), (256, 128), (384, 32), (416, 16)), ((0, 32), (32, 16)), ((0, 32),), ((0, 16),))
    """
    found: list[tuple[int, int]] = []
    begin = 0
    while begin < size:
        left = size - begin
        whole = 1 << (left - 1).bit_length()
        fits = whole < left + _LEAST or 4 * whole <= 5 * left
        width = min(most, max(_LEAST, whole if fits else whole // 2))
        found.append((begin, width))
        begin += width
    return tuple(found)


def tile_of(size: int, most: int) -> int:
    """Returns the size of equal tiles that an axis is cut into.

    >>> tile_of(217, 256), tile_of(1153, 256), tile_of(24, 64)
    (256, 256, 32)
    """
    return min(most, max(_LEAST, 1 << (size - 1).bit_length()))


def covered(tiles: tuple[tuple[int, int], ...]) -> int:
    """Returns what tiles cover."""
    return sum(tiles[-1])

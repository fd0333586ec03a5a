"""Numbers of seeds, as people write them."""

import re

from neuralgpu.errors import UserError, shown

LARGEST_SEED = 2**31
MOST_SEEDS = 4096


def seed_numbers(given: str, first: int) -> tuple[int, ...]:
    """Turns what `--seeds` takes into the numbers of seeds: how many from the first on, or ranges and single numbers.

    >>> seed_numbers("3", 5), seed_numbers("0..2,7", 0)
    ((5, 6, 7), (0, 1, 2, 7))

    Raises:
        UserError: it is neither, or too many.
    """
    parts = [re.fullmatch(r"(\d{1,10})(?:\.\.(\d{1,10}))?", part.strip()) for part in given.split(",")]
    ranges = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    if len(ranges) == len(parts) == 1 and ".." not in given:
        ranges = [(first, first + ranges[0][1] - 1)]
    elif first:
        raise UserError(f"--seeds {shown(given)} names the seeds itself; leave --seed out.")
    wrong = len(ranges) < len(parts) or any(not low <= high <= LARGEST_SEED for low, high in ranges)
    if wrong or sum(high - low + 1 for low, high in ranges) > MOST_SEEDS:
        raise UserError(
            f"--seeds takes a number from 1 to {MOST_SEEDS}, or ranges of seeds such as 0..14 or 3,7,20..29, "
            f"got {shown(given)}."
        )
    return tuple(number for low, high in ranges for number in range(low, high + 1))

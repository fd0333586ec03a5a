"""In which order few stored states reverse many steps (Gruslys et al. 2016, section 3.1: hidden states are stored).

K states are kept. A state between them is computed again from the nearest one before it, in the order that takes the
fewest steps: with C(n, K) the number of steps evaluated to reverse n of them, C(n, 1) = n (n + 1) / 2 and
C(n, K) = min over y of y + C(n - y, K - 1) + C(y, K).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import comb


@dataclass(frozen=True)
class Leg:
    """From the state in slot `load` through the steps first, ..., last - 1; what comes out is kept in slot `store`."""

    load: int
    first: int
    last: int
    store: int


@dataclass(frozen=True)
class Sweep:
    """How the state before a step comes about: the legs in turn, then from slot `load` on through first, first + 1, ...

    What the legs store serves earlier steps too.
    """

    legs: tuple[Leg, ...]
    load: int
    first: int


@lru_cache(maxsize=64)
def schedule(steps: int, snapshots: int) -> tuple[Sweep, ...]:
    """Returns the sweep before every step; they are made from the last step's to the first's.

    Slot 0 holds the first state throughout; the slots are 0, ..., snapshots - 1.
    """
    sweeps: dict[int, Sweep] = {}
    legs: list[Leg] = []

    def reverse(first: int, count: int, slot: int) -> None:
        while count > 1 and slot + 1 < snapshots:
            left = _best_split(count, snapshots - slot)
            legs.append(Leg(slot, first, first + left, slot + 1))
            reverse(first + left, count - left, slot + 1)
            count = left
        for step in reversed(range(first, first + count)):
            sweeps[step] = Sweep(tuple(legs), slot, first)
            legs.clear()

    reverse(0, steps, 0)
    return tuple(sweeps[step] for step in range(steps))


def _best_split(count: int, states: int) -> int:
    """Returns a y at which C(count, states) has its minimum (in closed form: Griewank & Walther 2000).

    Where no step is evaluated more than r times on the way to others, `states` reverse at most comb(states + r, r).
    """
    repeats = next(r for r in range(count) if comb(states + r, r) >= count)
    return min(comb(states + repeats - 1, repeats - 1), count - comb(states + repeats - 2, repeats - 1))


def evaluations(steps: int, snapshots: int) -> int:
    """Returns how many steps a forward and a backward pass evaluate.

    That is C(steps, snapshots), and the last step once more: the forward pass runs through it to the loss.

    >>> evaluations(48, 48), evaluations(48, 8), evaluations(48, 1)
    (96, 138, 1177)
    """
    sweeps = schedule(steps, snapshots)
    on_legs = sum(leg.last - leg.first for sweep in sweeps for leg in sweep.legs)
    return 1 + steps + on_legs + sum(step - sweep.first for step, sweep in enumerate(sweeps))

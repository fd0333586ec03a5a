"""What training keeps of an unroll for the backward pass, and what it computes again."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from neuralgpu.errors import UserError, nearest_name, shown

_MOST_SNAPSHOTS = 1_000_000
_FORMS = ("store", "step", "sqrt", "treeverse:K", "offload", "auto", "auto:N GB")
_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class Memory:
    """How the backward pass comes by the states before the steps and by the inside of a step.

    'store' keeps everything. The others keep states and compute a step's inside again: 'step' keeps every state,
    'sqrt' those between blocks of about sqrt(n) steps and a block's while it is worked on, 'treeverse' `snapshots`
    states (Gruslys et al. 2016), 'offload' every state in the host's memory.
    """

    strategy: Literal["store", "step", "sqrt", "treeverse", "offload"]
    snapshots: int = 0
    """treeverse: number of states kept, the first one among them."""

    def states(self, steps: int) -> int:
        """Returns how many states are kept at once."""
        if self.strategy == "sqrt":
            return min(steps, 2 * math.isqrt(steps) + 1)
        return min(self.snapshots, steps) if self.snapshots else steps

    def __str__(self) -> str:
        return f"{self.strategy}:{self.snapshots}" if self.snapshots else self.strategy


STORE, STEP, SQRT, OFFLOAD = Memory("store"), Memory("step"), Memory("sqrt"), Memory("offload")


def treeverse(snapshots: int) -> Memory:
    """Returns the strategy that keeps a number of states, at least 1."""
    return Memory("treeverse", snapshots)


@dataclass(frozen=True)
class Auto:
    """The fastest strategy that fits."""

    budget: int | None = None
    """In bytes; None for a share of what the machine or the device has."""


def parse_memory(text: str) -> Memory | Auto:
    """Reads a strategy as people write it.

    >>> parse_memory("treeverse:8")
    Memory(strategy='treeverse', snapshots=8)
    >>> parse_memory("auto:12GB")
    Auto(budget=12000000000)

    Raises:
        UserError: it is none.
    """
    for plain in (STORE, STEP, SQRT, OFFLOAD):
        if text == plain.strategy:
            return plain
    if text == "auto":
        return Auto()
    name, _, amount = text.partition(":")
    if name == "treeverse":
        if not re.fullmatch("[0-9]{1,7}", amount) or not 1 <= int(amount) <= _MOST_SNAPSHOTS:
            raise UserError(
                f"treeverse takes the number of states to keep, 1 to {_MOST_SNAPSHOTS}, such as treeverse:8; "
                f"got {shown(text)}."
            )
        return treeverse(int(amount))
    if name == "auto":
        budget = parse_bytes(amount)
        if budget is None:
            raise UserError(f"auto takes a size, such as auto:12GB or auto:800MB; got {shown(text)}.")
        return Auto(budget)
    names = [form.partition(":")[0] for form in _FORMS]
    raise UserError(f"memory must be one of {', '.join(_FORMS)}, got {shown(text)}.{nearest_name(name, names)}")


def parse_bytes(text: str) -> int | None:
    """Reads a number of bytes as people write it; None if it is none, or 0.

    >>> parse_bytes("12GB"), parse_bytes("1.5 kB"), parse_bytes("12")
    (12000000000, 1500, None)
    """
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kmgt]?)b", text.lower())
    return int(float(found[1]) * _PREFIXES[found[2]]) or None if found else None


def bytes_text(count: int) -> str:
    """Writes a number of bytes for people.

    >>> bytes_text(12_000_000_000), bytes_text(96_000)
    ('12 GB', '96 kB')
    """
    size, unit = next((size, prefix) for prefix, size in reversed(_PREFIXES.items()) if count >= size or size == 1)
    return f"{count / size:.3g} {unit.upper() if size > 1000 else unit}B"

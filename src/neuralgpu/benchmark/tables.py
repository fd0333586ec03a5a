"""What was measured, as tables for a terminal of 100 columns."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from neuralgpu.benchmark.growth import exponents
from neuralgpu.benchmark.measure import Measured
from neuralgpu.model.memory import bytes_text

STEP_NOTES = """\
step: median time. cells/s: positions of the inputs x rows of the state x steps, of a forward pass.
of peak: useful operations (3 x forward, no padding) beside matrix products in the same precision.
padding: share of the computed cells that no input needs. memory: by the compiler's analysis.
inputs: making them on the host, which training does beside the step, as a share of the step."""
COLUMNS = 100
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def steps_table(found: Sequence[Measured]) -> Table:
    """Builds the table of training steps, in the order of their sizes."""
    table = Table(box=None, pad_edge=False)
    for column in ("channels", "seeds", "length", "compute", "step", "cells/s", "of peak"):
        table.add_column(column, justify="left" if column == "compute" else "right", no_wrap=True)
    for column in ("padding", "compile", "memory", "inputs"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in sorted(found, key=_order):
        size = one.size
        table.add_row(
            *map(str, (one.config.model.channels, size.seeds, size.length, size.compute)),
            seconds_text(one.step_seconds),
            number_text(one.cells_per_second),
            f"{one.share_of_peak:.1%}",
            f"{one.work.padding:.1%}",
            seconds_text(one.compile_seconds),
            "–" if one.memory_bytes is None else bytes_text(one.memory_bytes),
            f"{one.data_share:.1%}",
        )
    return table


def growth_table(points: Mapping[int, float]) -> Table:
    """Builds the table of the time of a step for one input of each length."""
    table = Table(box=None, pad_edge=False)
    for column in ("length", "step and input", "over length²"):
        table.add_column(column, justify="right", no_wrap=True)
    for length, seconds in sorted(points.items()):
        table.add_row(str(length), seconds_text(seconds), seconds_text(seconds / length**2))
    return table


def growth_text(points: Mapping[int, float]) -> str:
    """Says how time grows with length, over all the lengths and over their longer half."""
    fits = exponents(points)
    told = [
        f"time ~ length^{fit.exponent:.2f} ± {fit.standard_error:.2f} from {lengths[0]} on" for lengths, fit in fits
    ]
    return "; ".join([*told, "in theory length^2, as many positions as steps"])


def seconds_text(seconds: float) -> str:
    """Writes a time for people.

    >>> seconds_text(12.3), seconds_text(0.00123), seconds_text(2e-8)
    ('12.3 s', '1.23 ms', '20 ns')
    """
    size, unit = next(
        ((size, unit) for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")) if seconds >= size), (1e-9, "ns")
    )
    return f"{seconds / size:.3g} {unit}"


def number_text(number: float) -> str:
    """Writes a large number for people.

    >>> number_text(12_345_678.0), number_text(0.5)
    ('12.3 M', '0.5')
    """
    size, unit = next(((size, unit) for size, unit in _PREFIXES if number >= size), (1.0, ""))
    return f"{number / size:.3g} {unit}".rstrip()


def _order(one: Measured) -> tuple[str, int, int, int]:
    return one.size.compute, one.config.model.channels, one.size.seeds, one.size.length

"""The figures of a judgement: carries, suites against lengths, Table 3, and thresholds over seeds."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from neuralgpu.reporting.axes import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    TEXT_SIZE,
    dress,
    legend_above,
    log_lengths,
    new_figure,
    spaced_ticks,
)
from neuralgpu.reporting.figures import ERROR_LABEL
from neuralgpu.reporting.summary import Summary
from neuralgpu.reporting.tail import Tail
from neuralgpu.rows import ThresholdRow

_STYLES = tuple(zip((BLUE, ORANGE, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), strict=True))
"""Colour, marker and line of each curve; markers and lines tell them apart in grey."""
_SHADES = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f3d9c6", ORANGE])


def error_against_carries(suites: Mapping[str, Sequence[Summary]]) -> Figure:
    """Draws the median error over carry length, a line for each suite of carries (the paper's Figure 6, left)."""
    figure = new_figure("Sequence error against carry length", 3.5)
    axes = figure.subplots()
    axes.axhline(50, color=MUTED, linewidth=1.2, linestyle=(0, (1, 2)), label="50%, the threshold")
    sizes: set[int] = set()
    for (name, summaries), (color, marker, line) in zip(suites.items(), cycle(_STYLES), strict=False):
        places = [summary.size or 0 for summary in summaries]
        sizes.update(places)
        axes.plot(
            places,
            [100 * summary.median for summary in summaries],
            color=color,
            marker=marker,
            linestyle=line,
            markersize=4.5,
            linewidth=1.5,
            label=name,
        )
    log_lengths(axes, sizes)
    axes.set_ylim(-4, 104)
    axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    dress(axes, x_label="Carry length (digits)", y_label=ERROR_LABEL)
    legend_above(axes, columns=3)
    return figure


def errors_of_suites(suites: Mapping[str, Sequence[Summary]], lengths: Sequence[int]) -> Figure:
    """Draws the median error of every suite up to every length, with the numbers in percent.

    Args:
        suites: what was found in each.
        lengths: rising; an error stands under the smallest that is not below its inputs' length.
    """
    errors = np.full((len(suites), len(lengths)), np.nan)
    for row, summaries in enumerate(suites.values()):
        for summary in summaries:
            column = min(int(np.searchsorted(lengths, summary.length)), len(lengths) - 1)
            errors[row, column] = np.nanmax([errors[row, column], 100 * summary.median])
    figure = new_figure("Sequence error (%) of every suite", 1.1 + 0.26 * len(suites))
    axes = figure.subplots()
    axes.imshow(errors, cmap=_SHADES, vmin=0, vmax=100, aspect="auto")
    for (row, column), error in np.ndenumerate(errors):
        text = "–" if np.isnan(error) else "<1" if 0 < error < 1 else f"{error:.0f}"
        _write(axes, column, row, text, strong=bool(error > 0))
    _grid(axes, [str(length) for length in lengths], list(suites), "Inputs of at most this length (symbols)", "")
    return figure


def table_of_digits(answered: Sequence[Mapping[str, Any]], sign: str, base: int) -> Figure:
    """Draws which pairs of single digits behind zeros are answered wrongly (the paper's Table 3).

    Args:
        answered: for each that answered, its pairs and whether each is right.
        sign: the operator between the digits.
        base: of the digits.
    """
    wrong, asked = np.zeros((base, base)), np.zeros((base, base))
    for line in answered:
        for first, second, right in line["pairs"]:
            asked[first, second] += 1
            wrong[first, second] += not right
    share = np.divide(wrong, asked, out=np.full_like(wrong, np.nan), where=asked > 0)
    zeros = answered[0]["zeros"]
    figure = new_figure(f"Single digits behind {zeros} zeros", 1.5 + 0.27 * base)
    axes = figure.subplots()
    axes.imshow(100 * share, cmap=_SHADES, vmin=0, vmax=100, aspect="auto")
    for (first, second), value in np.ndenumerate(share):
        several = f"{wrong[first, second]:.0f}"
        text = "–" if np.isnan(value) else "·" if value == 0 else "×" if len(answered) == 1 else several
        _write(axes, second, first, text, strong=bool(value > 0))
    digits = [str(digit) for digit in range(base)]
    _grid(axes, digits, digits, f"Second digit of  a {sign} b", "First digit")
    return figure


def thresholds_of_seeds(rows: Sequence[ThresholdRow], tail: Tail | None) -> Figure:
    """Draws the share of seeds whose threshold is at least c, both logarithmic (the paper's Figure 6, right)."""
    met = sorted(row.threshold for row in rows if row.threshold is not None)
    figure = new_figure(f"Thresholds of {len(rows)} seeds: {rows[0].suite}", 3.3)
    axes = figure.subplots()
    shares = [(len(rows) - index) / len(rows) for index in range(len(met))]
    axes.plot(met, shares, color=BLUE, marker="o", markersize=4, linewidth=1.2, drawstyle="steps-pre", label="measured")
    if tail is not None:
        ends = np.array([tail.start, max(met)], float)
        fitted = tail.seeds / len(rows) * (ends / tail.start) ** -tail.exponent
        label = f"fitted: exponent {tail.exponent:.2g} ± {tail.error:.1g}"
        axes.plot(ends, fitted, color=ORANGE, linestyle="--", linewidth=1.5, label=label)
    log_lengths(axes, met)
    axes.set_yscale("log")
    lowest = 0.7 / len(rows)
    axes.set_ylim(lowest, 1.3)
    ticks = [tick / 100 for tick in spaced_ticks([1, 2, 5, 10, 20, 50, 100]) if tick / 100 >= lowest]
    axes.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    dress(axes, x_label=f"Threshold c ({rows[0].size_name})", y_label="Seeds with at least c (%)")
    legend_above(axes, columns=2)
    return figure


def _write(axes: Axes, column: int, row: int, text: str, *, strong: bool) -> None:
    weight = "bold" if strong else "normal"
    color = "#1f2328" if strong else MUTED
    axes.text(column, row, text, ha="center", va="center", fontsize=TEXT_SIZE - 0.5, color=color, fontweight=weight)


def _grid(axes: Axes, columns: Sequence[str], rows: Sequence[str], x_label: str, y_label: str) -> None:
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, labelsize=TEXT_SIZE, colors=INK)
    axes.set_xlabel(x_label, fontsize=TEXT_SIZE, color=INK)
    axes.set_ylabel(y_label, fontsize=TEXT_SIZE, color=INK)
    for side in axes.spines.values():
        side.set_color(MUTED)

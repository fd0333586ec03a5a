"""The figures of a report on the paper: curves with bands, shares with intervals, growth, counts of wrong answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from neuralgpu.power_law import Exponent
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
)
from neuralgpu.reporting.figures import ERROR_LABEL

Series = Sequence[tuple[int, float]]
"""A seed's errors, as shares, by training step."""
_STYLES = tuple(zip((BLUE, ORANGE, GREEN, PURPLE, INK), "os^Dv", ("-", "--", "-.", ":", "-"), strict=True))
"""Colour, marker and line of each group; markers and lines tell them apart in grey."""
_MOST_MARKERS = 12


@dataclass(frozen=True)
class Curves:
    """What one setting's seeds did over training."""

    training: Sequence[Series]
    """Error on training inputs, one series a seed."""
    test: Sequence[Series]
    """Error on longer inputs."""


@dataclass(frozen=True)
class Share:
    """A share of seeds with its interval, and the paper's."""

    label: str
    share: float | None
    """None where it was not run."""
    low: float
    high: float
    paper: float | None


def training_and_test(title: str, groups: Mapping[str, Curves], test_label: str) -> Figure:
    """Draws training error above test error, the median of the seeds as a line and all of them as a band.

    Args:
        title: of the figure.
        groups: what each setting's seeds did, by its name in the legend.
        test_label: what the test inputs are, such as "201 symbols".
    """
    figure = new_figure(title, 4.7)
    training, test = figure.subplots(2, 1, sharex=True)
    for (name, curves), (color, marker, line) in zip(groups.items(), cycle(_STYLES), strict=False):
        for axes, seeds in ((training, curves.training), (test, curves.test)):
            _band(axes, seeds, color, marker, line, name if axes is training else None)
    for axes, label in ((training, "Training error (%)"), (test, f"Test error (%),\n{test_label}")):
        axes.set_ylim(-4, 104)
        axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
        dress(axes, x_label="Training step" if axes is test else "", y_label=label)
    test.set_xlim(left=0)
    test.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    test.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    figure.align_ylabels()
    legend_above(training, columns=2 if max(map(len, groups), default=0) > 14 else 3)
    return figure


def shares_with_intervals(title: str, panels: Mapping[str, Sequence[Share]]) -> Figure:
    """Draws shares as dots with their 95% intervals, and the paper's as hollow diamonds, in panels side by side."""
    rows = max(map(len, panels.values()))
    figure = new_figure(title, 1.4 + 0.3 * rows)
    for place, (axes, (heading, shares)) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels.items(), strict=True)
    ):
        for row, one in enumerate(shares):
            if one.share is not None:
                axes.plot([100 * one.low, 100 * one.high], [row, row], color=BLUE, linewidth=1.4, zorder=2)
                axes.plot(100 * one.share, row, "o", color=BLUE, markersize=5, zorder=3)
            if one.paper is not None:
                axes.plot(100 * one.paper, row, "D", color=ORANGE, markersize=5.5, fillstyle="none", zorder=4)
        axes.set_title(heading, fontsize=TEXT_SIZE, color=INK, loc="left")
        axes.set_xlim(-4, 104)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_yticks(range(rows), [one.label for one in shares])
        dress(axes, x_label="Share of trainings (%)")
        if place == 0:
            axes.plot([], [], "o-", color=BLUE, markersize=5, label="here, 95% interval")
            axes.plot([], [], "D", color=ORANGE, fillstyle="none", markersize=5.5, label="paper")
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=TEXT_SIZE - 0.5, labelcolor=INK)
    return figure


def errors_over_sizes(title: str, groups: Mapping[str, Mapping[int, Sequence[float]]], x_label: str) -> Figure:
    """Draws errors over sizes of inputs, the median of the seeds as a line and all of them as a band.

    Args:
        title: of the figure.
        groups: for each name in the legend and each size, the errors of the seeds, as shares.
        x_label: what the size is, with its unit.
    """
    figure = new_figure(title, 3.3)
    axes = figure.subplots()
    axes.axhline(50, color=MUTED, linewidth=1.2, linestyle=(0, (1, 2)), label="50%, the threshold")
    for (name, by_size), (color, marker, line) in zip(groups.items(), cycle(_STYLES), strict=False):
        seeds = zip(*([(size, error) for error in errors] for size, errors in sorted(by_size.items())), strict=True)
        _band(axes, list(seeds), color, marker, line, name)
    log_lengths(axes, {size for by_size in groups.values() for size in by_size})
    axes.set_ylim(-4, 104)
    axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    dress(axes, x_label=x_label, y_label=ERROR_LABEL)
    legend_above(axes, columns=2)
    return figure


def growth_with_length(
    title: str, groups: Mapping[str, tuple[Mapping[int, float], Exponent | None]], y_label: str
) -> Figure:
    """Draws how something grows with the length of an input, both logarithmic, with the fitted power in the legend."""
    figure = new_figure(title, 3.3)
    axes = figure.subplots()
    for (name, (points, fit)), (color, marker, line) in zip(groups.items(), cycle(_STYLES), strict=False):
        power = "" if fit is None else f" ∝ $n^{{{round(fit.exponent, 2) + 0:.2f}}}$"
        axes.plot(
            list(points),
            list(points.values()),
            color=color,
            marker=marker,
            linestyle=line,
            markersize=4.5,
            linewidth=1.5,
            label=f"{name}{power}",
        )
    log_lengths(axes, {length for points, _ in groups.values() for length in points})
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    dress(axes, x_label="Input length n (symbols)", y_label=y_label)
    legend_above(axes, columns=2)
    return figure


def wrong_pairs(title: str, bars: Mapping[str, int], of: int) -> Figure:
    """Draws how many of the pairs of single digits each model got wrong."""
    figure = new_figure(title, 1.2 + 0.28 * len(bars))
    axes = figure.subplots()
    names = list(bars)
    axes.barh(range(len(names)), list(bars.values()), color=BLUE, height=0.6)
    for place, wrong in enumerate(bars.values()):
        axes.text(wrong + 0.01 * of, place, str(wrong), va="center", fontsize=TEXT_SIZE - 0.5, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08 * of)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(axes, x_label=f"Wrong pairs of single digits, of {of}")
    return figure


def _band(axes: Axes, seeds: Sequence[Series], color: str, marker: str, line: str, label: str | None) -> None:
    """Draws the median over the seeds, and between the lowest and the highest a band where there are several."""
    steps = sorted({step for series in seeds for step, _ in series})
    at = [[value for series in seeds if (value := _at(series, step)) is not None] for step in steps]
    if len(seeds) > 1:
        low, high = [100 * min(values) for values in at], [100 * max(values) for values in at]
        axes.fill_between(steps, low, high, color=color, alpha=0.15, linewidth=0)
    every = max(1, len(steps) // _MOST_MARKERS)
    axes.plot(
        steps,
        [100 * median(values) for values in at],
        color=color,
        marker=marker,
        markevery=every,
        linestyle=line,
        markersize=3.5,
        linewidth=1.5,
        label=label,
    )


def _at(series: Series, step: int) -> float | None:
    """Returns a seed's newest value at a step; one that is done keeps its last."""
    before = [value for at, value in series if at <= step]
    return before[-1] if before else None

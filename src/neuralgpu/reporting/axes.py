"""What all figures share: colours, sizes, axes, and how a figure is saved."""

import io
import math
import re
from collections.abc import Collection
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

INK = "#1f2328"
MUTED = "#6e7781"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
"""Blue, orange, green and purple are Okabe and Ito's, which colour-blind readers tell apart."""

WIDTH = 4.8
"""Width of a figure in inches; its text stays readable when a phone shrinks it to 350 pixels."""
TEXT_SIZE = 9.0


def new_figure(title: str, height: float) -> Figure:
    """Makes an empty figure with a title at its upper left."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=TEXT_SIZE + 1.5, fontweight="bold", color=INK)
    return figure


def dress(axes: Axes, *, x_label: str = "", y_label: str = "") -> None:
    """Gives axes their labels, light grid and two spines."""
    axes.set_xlabel(x_label, fontsize=TEXT_SIZE, color=INK)
    axes.set_ylabel(y_label, fontsize=TEXT_SIZE, color=INK)
    axes.tick_params(labelsize=TEXT_SIZE, colors=INK, which="major")
    axes.tick_params(which="minor", length=0)
    axes.grid(True, color=MUTED, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(MUTED)


def legend_above(axes: Axes, columns: int = 3) -> None:
    """Puts the legend over the axes, where it hides no data."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=TEXT_SIZE - 0.5,
        labelcolor=INK,
        handlelength=1.4,
        columnspacing=1.2,
        borderaxespad=0.1,
    )


def log_lengths(axes: Axes, values: Collection[int]) -> None:
    """Makes the x axis logarithmic with ticks at measured values, as many as there is room for."""
    axes.set_xscale("log")
    ticks = spaced_ticks(values)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)


def log_values(axes: Axes, values: Collection[float]) -> None:
    """Makes the y axis logarithmic, wide enough for a labelled tick; values that are not positive are left out."""
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    if not positive:
        return
    low, high = min(positive), max(positive)
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(low / 1.6, high * 1.6)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 30 else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def spaced_ticks(values: Collection[int], at_most: int = 9) -> list[int]:
    """Picks values that lie apart on a logarithmic axis, the largest always among them.

    >>> spaced_ticks([5, 40, 41, 400, 401], at_most=4)
    [5, 41, 401]
    """
    ordered = sorted({value for value in values if value > 0}, reverse=True)
    apart = (ordered[0] / ordered[-1]) ** (1 / at_most) if ordered else 1.0
    ticks: list[int] = []
    for value in ordered:
        if not ticks or ticks[-1] / value >= apart:
            ticks.append(value)
    return ticks[::-1]


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, SVG or PDF, as the ending of the path says; the same figure gives the same file."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "neuralgpu"}):
        stamp = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else {}
        figure.savefig(path, dpi=200, facecolor="white", metadata=stamp)


def inline_svg(figure: Figure, name: str) -> str:
    """Renders a figure as an SVG element for a page that holds several.

    Colours become the page's CSS variables (--ink, --muted, --blue, --orange), ids get the figure's name in front, and
    what belongs to a file of its own is left out: headers, metadata, style sheet.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true" focusable="false">', svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r' (d|x|y|transform)="[^"]*"', lambda place: re.sub(r"(\.\d\d)\d+", r"\1", place[0]), svg)
    for color, variable in {INK: "ink", MUTED: "muted", BLUE: "blue", ORANGE: "orange"}.items():
        svg = svg.replace(color, f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", svg)

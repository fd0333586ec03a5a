"""The figures of a run: learning curve, error against length, error against carry length."""

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, groupby
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from neuralgpu.reporting.axes import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    dress,
    legend_above,
    log_lengths,
    log_values,
    new_figure,
)
from neuralgpu.reporting.history import Event, by_seed, of_kind, settled, tasks_learned
from neuralgpu.reporting.summary import Summary, of_suite, summarise
from neuralgpu.rows import SUCCESS_BELOW, ResultRow

ERROR_LABEL = "Sequence error (%)"


def learning_curve(events: Iterable[Event]) -> Figure:
    """Draws loss, sequence error and curriculum length over training steps, from the lines of events.jsonl.

    Where there were several tasks to learn, each has a colour, and a line shows the one being learned.
    """
    events = settled(events)
    progress = by_seed(of_kind(events, "progress"))
    validations = by_seed(of_kind(events, "validate"))
    figure = new_figure("Loss, sequence error and input length over training", 4.6)
    loss, error, length = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1, 0.6])
    tasks = tasks_learned(events)

    def draw(axes: Axes, value: Callable[[Event], float], *, steps: bool = False) -> None:
        if len(tasks) > 1:
            _draw_tasks(axes, progress, tasks, value, steps=steps)
        else:
            _draw_seeds(axes, progress, value, "training inputs", BLUE, steps=steps)

    draw(loss, lambda event: event["loss"])
    draw(error, lambda event: 100 * event["sequence_error"])
    draw(length, lambda event: event["length"], steps=True)
    if validations:
        lengths = sorted({event["length"] for lines in validations.values() for event in lines})
        label = f"validation inputs of length {' and '.join(map(str, lengths))}"
        _draw_seeds(error, validations, lambda event: 100 * event["sequence_error"], label, ORANGE)
    log_values(loss, [event["loss"] for lines in progress.values() for event in lines])
    error.set_ylim(-4, 104)
    error.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    length.set_ylim(bottom=0)
    length.set_xlim(left=0)
    length.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    several = f" (thick: median of {len(progress)} seeds)" if len(progress) > 1 and len(tasks) < 2 else ""
    for axes, label in ((loss, "Loss"), (error, ERROR_LABEL), (length, "Curriculum\nlength")):
        dress(axes, x_label=f"Training step{several}" if axes is length else "", y_label=label)
    figure.align_ylabels()
    legend_above(error if validations else loss, columns=max(2, min(len(tasks), 4)))
    return figure


def error_against_length(
    rows: Iterable[ResultRow], trained_to: int | None = None, suite: str = "random", *, averages: bool = False
) -> Figure:
    """Draws the sequence error of one suite against input length, both logarithmic (linear below 1%).

    Args:
        rows: result rows of one task; other suites' rows are left out.
        trained_to: length of the longest training inputs, where the shaded band ends; None leaves it out.
        suite: the suite to draw.
        averages: whether what averages of seeds did is drawn, not what each seed did.
    """
    summaries = of_suite(summarise(rows), suite, averages=averages)
    figure = new_figure("Sequence error against input length", 3.3)
    axes = figure.subplots()
    axes.axhline(100 * SUCCESS_BELOW, color=ORANGE, linewidth=1.2, linestyle="--", label="1%, the paper's success")
    _draw_errors(axes, summaries, lambda row: row.length)
    lengths = [summary.length for summary in summaries]
    log_lengths(axes, lengths)
    if trained_to:
        axes.set_xlim(left=min([*lengths, trained_to]) / 1.2)
        axes.axvspan(axes.get_xlim()[0], trained_to, color=MUTED, alpha=0.18, linewidth=0, label="lengths trained on")
    axes.set_yscale("symlog", linthresh=1, linscale=0.5)
    axes.set_ylim(-0.12, 130)
    axes.yaxis.set_major_locator(FixedLocator([0, 1, 10, 100]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    dress(axes, x_label="Input length (symbols)", y_label=ERROR_LABEL)
    legend_above(axes, columns=2)
    return figure


def error_against_carry(rows: Iterable[ResultRow]) -> Figure:
    """Draws the sequence error against the number of digits that a carry runs through (the paper's Figure 6, left)."""
    summaries = of_suite(summarise(rows), "carry")
    figure = new_figure("Sequence error against carry length", 3.3)
    axes = figure.subplots()
    axes.axhline(50, color=ORANGE, linewidth=1.2, linestyle="--", label="50%, the paper's threshold")
    _draw_errors(axes, summaries, lambda row: row.size or 0)
    log_lengths(axes, [summary.size or 0 for summary in summaries])
    axes.set_ylim(-4, 104)
    axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    dress(axes, x_label="Carry length (digits)", y_label=ERROR_LABEL)
    legend_above(axes, columns=2)
    return figure


def _draw_seeds(
    axes: Axes,
    seeds: dict[int, list[Event]],
    value: Callable[[Event], float],
    label: str,
    color: str,
    *,
    steps: bool = False,
) -> None:
    """Draws one line a seed and, over several, their median, in which a seed that is done keeps its last value."""
    style = "steps-post" if steps else "default"
    several = len(seeds) > 1
    for lines in seeds.values():
        points = [value(event) for event in lines]
        axes.plot(
            [event["step"] for event in lines],
            points,
            color=color,
            drawstyle=style,
            linewidth=0.7 if several else 1.5,
            alpha=0.35 if several else 1,
            label=None if several else label,
            marker="o" if len(points) == 1 else "",
            markersize=3,
        )
    if several:
        latest: dict[int, float] = {}
        middle: dict[int, float] = {}
        for event in sorted((event for lines in seeds.values() for event in lines), key=lambda event: event["step"]):
            latest[event["seed"]] = value(event)
            middle[event["step"]] = median(latest.values())
        axes.plot(list(middle), list(middle.values()), color=color, drawstyle=style, linewidth=1.8, label=label)


def _draw_tasks(
    axes: Axes, seeds: dict[int, list[Event]], tasks: list[str], value: Callable[[Event], float], *, steps: bool
) -> None:
    """Draws one line a seed, in the colour of the task being learned."""
    colors = dict(zip(tasks, cycle((BLUE, ORANGE, GREEN, PURPLE)), strict=False))
    for task, color in colors.items():
        axes.plot([], [], color=color, label=task)
    for lines in seeds.values():
        for task, part in groupby(lines, key=lambda event: event["task"]):
            events = list(part)
            axes.plot(
                [event["step"] for event in events],
                [value(event) for event in events],
                color=colors[task],
                drawstyle="steps-post" if steps else "default",
                linewidth=0.9 if len(seeds) > 1 else 1.5,
                marker="o" if len(events) == 1 else "",
                markersize=3,
            )


def _draw_errors(axes: Axes, summaries: Sequence[Summary], place: Callable[[ResultRow], int]) -> None:
    """Draws one seed's errors with their 95% intervals, or a thin line a seed and their median."""
    seeds: dict[tuple[str, int | None], list[ResultRow]] = {}
    for summary in summaries:
        for row in summary.rows:
            seeds.setdefault((row.run, row.seed), []).append(row)
    if len(seeds) > 1:
        for rows in seeds.values():
            _plot(axes, [place(row) for row in rows], [100 * row.sequence_error for row in rows], thin=True)
        places = [place(summary.rows[0]) for summary in summaries]
        label = f"median of {len(seeds)} seeds"
        _plot(axes, places, [100 * summary.median for summary in summaries], label=label)
    for rows in seeds.values() if len(seeds) == 1 else ():
        places, errors = [place(row) for row in rows], [100 * row.sequence_error for row in rows]
        below = [max(0.0, 100 * (row.sequence_error - row.ci_low)) for row in rows]
        above = [max(0.0, 100 * (row.ci_high - row.sequence_error)) for row in rows]
        axes.errorbar(places, errors, yerr=[below, above], fmt="none", ecolor=BLUE, elinewidth=1.1, capsize=2.5)
        _plot(axes, places, errors, label="measured, 95% interval")


def _plot(axes: Axes, places: list[int], errors: list[float], *, thin: bool = False, label: str | None = None) -> None:
    if thin:
        axes.plot(places, errors, color=BLUE, linewidth=0.7, alpha=0.4)
    else:
        axes.plot(places, errors, color=BLUE, linewidth=1.5, marker="o", markersize=4, label=label)

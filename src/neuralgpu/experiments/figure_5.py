"""Figure 5: binary expressions with +, −, × and ÷, by size of the model.

    neuralgpu reproduce fig5 --scale laptop     # 24 channels, 2 seeds
    neuralgpu reproduce fig5 --scale paper      # 24, 128, 256 and 512 channels, 15 seeds, 200,000 steps

The paper: 512 channels, trained on expressions of 41 symbols, get 30% of those of 201 right; larger models err less.
Its two example expressions are answered by the best model here.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from neuralgpu.experiments.claims import ORDER_RULE, cell_of, curves, missing, not_run, order, short_training
from neuralgpu.experiments.experiment import Experiment, Findings, Measurement, Scale, SweepValues
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import LAPTOP_STEPS, departures, laptop, lengths, published, smoke
from neuralgpu.reporting.reproduction import Claim, Drawing
from neuralgpu.reporting.reproduction_figures import training_and_test
from neuralgpu.reporting.wording import percent

_SWEEP, _TASK = "figure-5", "bexprasmd"
MEASURED = "expressions"
_EXAMPLES = {"example": "the expression of the text", "figure_example": "the expression of the figure"}


def _channels(scale: Scale) -> list[int]:
    return {"smoke": [4], "laptop": [24], "paper": [24, 128, 256, 512]}[scale]


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    if scale == "smoke":
        return {_SWEEP: smoke([_TASK], evaluate={"every": 2, "every_count": 2})}
    if scale == "laptop":
        return {_SWEEP: laptop([_TASK], evaluate={"every": LAPTOP_STEPS // 4, "every_count": 16})}
    grid = {"channels": _channels(scale), "seeds": "0..14", "steps": 200_000}
    return {_SWEEP: published([_TASK], evaluate={"every": 4000, "every_count": 128}, **grid)}


def _measurements(scale: Scale) -> Sequence[Measurement]:
    inputs = ["1+1"] if scale == "smoke" else [paper("figure-5")[name] for name in _EXAMPLES]
    cells = tuple(f"{_TASK}-classic-{size}" for size in _channels(scale))
    return [Measurement(name=MEASURED, what="answers", sweep=_SWEEP, cells=cells, arguments={"inputs": inputs})]


def _right_claim(cell: CellResults | None, scale: Scale, size: int, why: str) -> Claim:
    numbers, long = paper("figure-5"), lengths(scale)[1]
    what = f"{size} channels, expressions of {numbers['test_length']} symbols: right answers of the best seed"
    published = percent(numbers["right"]) if size == numbers["channels"] else "–"
    if cell is None or not cell.done:
        return not_run(what, published, why)
    rows = [row for row in cell.rows if row.suite == "random" and row.length == long and row.step]
    best = min(rows, key=lambda row: row.sequence_error)
    low, high = 1 - best.ci_high, 1 - best.ci_low
    inside = low <= numbers["right"] <= high
    return Claim(
        what=what,
        paper=published,
        ours=f"{percent(1 - best.sequence_error)} of {best.count}",
        interval=f"{100 * low:.1f} to {100 * high:.1f}%",
        trainings=len(cell.done),
        steps=cell.steps,
        verdict="undecided" if published == "–" else "agrees" if inside else "differs",
        why="the paper gives no number for this size." if published == "–" else short_training(cell, 41),
    )


def _example_claim(name: str, results: Results, scale: Scale, why: str) -> Claim:
    numbers = paper("figure-5")
    asked, value = numbers[name], numbers[f"{name}_value"]
    what = f"{_EXAMPLES[name][:1].upper()}{_EXAMPLES[name][1:]}, {len(asked)} symbols"
    answered = [line for line in results.measured(MEASURED) if line["input"] == asked]
    if not answered:
        reason = "the smoke scale asks a shorter one." if scale == "smoke" else why
        return not_run(what, value, reason)
    right = [line for line in answered if line["right"]]
    best = (right or answered)[0]
    shown = best["answer"].lstrip("0") or "0"
    ours = shown if len(shown) < 25 else f"{len(shown)} digits, …{shown[-12:]}"
    return Claim(
        what=what,
        paper=value,
        ours=f"{ours} ({'right' if right else 'wrong'}; {len(right)} of {len(answered)} seeds are right)",
        trainings=len(answered),
        verdict="agrees" if right else "differs",
        why="" if right else "the paper's best model has 512 channels and 200,000 steps.",
    )


def _findings(results: Results, scale: Scale) -> Findings:
    numbers, long = paper("figure-5"), lengths(scale)[1]
    cells = {size: cell_of(results, _SWEEP, f"{_TASK}-classic-{size}") for size in _channels(scale)}
    why = missing(results, _sweeps, _SWEEP, scale)
    sizes = sorted({*_channels("paper"), *(_channels(scale) if scale == "laptop" else ())})
    claims = []
    for size in (24, numbers["channels"]):
        later = missing(results, _sweeps, _SWEEP, scale, sizes=(size,) if size != 24 else ())
        claims.append(_right_claim(cells.get(size), scale, size, later))
    for smaller, larger in pairwise(sizes):
        later = missing(results, _sweeps, _SWEEP, scale, sizes=(smaller, larger))
        what = f"{larger} channels do better than {smaller}"
        claims.append(order(what, cells.get(larger), cells.get(smaller), long, later))
    claims += [_example_claim(name, results, scale, why) for name in _EXAMPLES]
    drawings = []
    if found := curves({f"{size} channels": cell for size, cell in cells.items()}, long):
        title = "Binary expressions with +, −, × and ÷"
        caption = (
            f"{title}: errors in percent over training steps, median of the seeds and, as a band, the lowest and "
            "highest; n is the number of seeds."
        )
        drawings = [Drawing("figure-5", title, training_and_test(title, found, f"{long} symbols"), caption)]
    return Findings(claims=claims, drawings=drawings, setting=departures(scale), notes=[ORDER_RULE])


EXPERIMENT = Experiment(
    name="fig5",
    title="Figure 5: expressions",
    section="4",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=_measurements,
    findings=_findings,
)

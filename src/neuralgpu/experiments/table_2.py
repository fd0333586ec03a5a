"""Table 2: where decimal multiplication works, struggles, or fails.

    neuralgpu reproduce table2 --scale laptop   # the trainings of Figure 3
    neuralgpu reproduce table2 --scale paper

The rule, over the seeds of a size and chain: it works where at least half of them generalise (below 1% error at length
201), struggles where at least one is trained (below 1% at length 41), and fails otherwise. The paper states no rule.
"""

from typing import Literal

from neuralgpu.experiments import figure_3
from neuralgpu.experiments.claims import missing, not_run, short_training
from neuralgpu.experiments.experiment import Experiment, Findings, Scale, no_measurements
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import departures, lengths
from neuralgpu.reporting.reproduction import Claim

_RULE = (
    "The rule, over the seeds of a size and chain: it works where at least half of them generalise (below 1% error on "
    "the test length at some look), struggles where at least one is trained (below 1% on the training length), and "
    "fails otherwise. The paper states no rule."
)


def works(cell: CellResults, scale: Scale) -> Literal["works", "struggles", "fails"]:
    """Says how a size and chain do, by the rule."""
    short, long = lengths(scale)
    generalised, count = cell.successes(long)
    if 2 * generalised >= count:
        return "works"
    return "struggles" if cell.successes(short)[0] else "fails"


def _claim(what: str, published: str, cell: CellResults | None, scale: Scale, why: str) -> Claim:
    if cell is None or not cell.done:
        return not_run(what, published, why)
    found, (short, long) = works(cell, scale), lengths(scale)
    trained, generalised = cell.successes(short)[0], cell.successes(long)[0]
    compared = published != "–"
    return Claim(
        what=what,
        paper=published,
        ours=f"{found}: {trained} trained and {generalised} generalise of {len(cell.done)}",
        trainings=len(cell.done),
        steps=cell.steps,
        verdict="undecided" if not compared else "agrees" if found == published else "differs",
        why=short_training(cell, short) if found != published else "",
    )


def _findings(results: Results, scale: Scale) -> Findings:
    claims = [
        _claim(
            f"Decimal multiplication, {chain.replace('>', '→')}, {size} channels",
            published,
            figure_3.cells(results, size)[chain] if scale == "paper" else None,
            scale,
            missing(results, EXPERIMENT.sweeps, figure_3.SWEEP, scale, sizes=(size,) if scale != "paper" else ()),
        )
        for chain, row in paper("table-2")["works"].items()
        for size, published in zip(paper("table-2")["channels"], row, strict=True)
    ]
    if scale != "paper":
        [size] = figure_3.channels(scale)
        why = missing(results, EXPERIMENT.sweeps, figure_3.SWEEP, scale)
        claims += [
            _claim(f"{chain.replace('>', '→')}, {size} channels, which the paper does not have", "–", cell, scale, why)
            for chain, cell in figure_3.cells(results, size).items()
        ]
    return Findings(claims=claims, setting=departures(scale), notes=[_RULE])


EXPERIMENT = Experiment(
    name="table2",
    title="Table 2: where decimal multiplication works",
    section="4",
    promise=__doc__ or "",
    sweeps=figure_3.EXPERIMENT.sweeps,
    measurements=no_measurements,
    findings=_findings,
)

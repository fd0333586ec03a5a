"""Figure 3: decimal multiplication by size of the model and chain of bases.

    neuralgpu reproduce fig3 --scale laptop     # 24 channels, 1 seed, 4 chains
    neuralgpu reproduce fig3 --scale paper      # 128, 256 and 512 channels, 15 seeds, 200,000 steps

The paper: without a chain only 512 channels reach low training error and none generalises; 2 → 4 → 10 does better than
2 → 5 → 10, and that better than 2 → 10. Table 2 is said of the same trainings.
"""

from collections.abc import Mapping

from neuralgpu.experiments.claims import ORDER_RULE, cell_of, curves, missing, order
from neuralgpu.experiments.experiment import Experiment, Findings, Scale, SweepValues, no_measurements
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import LAPTOP_STEPS, departures, laptop, lengths, published, smoke
from neuralgpu.reporting.reproduction import Drawing
from neuralgpu.reporting.reproduction_figures import training_and_test

SWEEP = "figure-3"
CHAINS = {"10": "mul", "2 > 10": "bmul > mul", "2 > 5 > 10": "bmul > fmul > mul", "2 > 4 > 10": "bmul > qmul > mul"}
"""By the bases as Table 2 writes them."""


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    if scale == "smoke":
        return {SWEEP: smoke([CHAINS["2 > 10"]], evaluate={"every": 2, "every_count": 2})}
    tasks = list(CHAINS.values())
    if scale == "laptop":
        looks = {"every": LAPTOP_STEPS // 2, "every_count": 16}
        return {SWEEP: laptop(tasks, seeds="1", evaluate=looks)}
    grid = {"channels": paper("table-2")["channels"], "seeds": "0..14", "steps": paper("figure-3")["steps"]}
    return {SWEEP: published(tasks, evaluate={"every": 4000, "every_count": 128}, **grid)}


def channels(scale: Scale) -> list[int]:
    """Returns the sizes that a scale has."""
    return {"smoke": [4], "laptop": [24], "paper": paper("table-2")["channels"]}[scale]


def cells(results: Results, size: int) -> dict[str, CellResults | None]:
    """Returns the cells of every chain, by its bases."""
    names = {chain: "-".join(task.strip() for task in text.split(">")) for chain, text in CHAINS.items()}
    return {chain: cell_of(results, SWEEP, f"{name}-classic-{size}") for chain, name in names.items()}


def _findings(results: Results, scale: Scale) -> Findings:
    long = lengths(scale)[1]
    claims, drawings = [], []
    for size in paper("table-2")["channels"]:
        sizes, at = (), cells(results, size)
        if scale != "paper":
            sizes = (size,)
        why = missing(results, _sweeps, SWEEP, scale, sizes=sizes)
        for better, worse in (("2 > 4 > 10", "2 > 5 > 10"), ("2 > 5 > 10", "2 > 10"), ("2 > 10", "10")):
            told = " does better than ".join(chain.replace(">", "→") for chain in (better, worse))
            what = f"Decimal multiplication, {size} channels: {told}"
            claims.append(order(what, at[better], at[worse], long, why))
    if scale == "laptop":
        at, why = cells(results, 24), missing(results, _sweeps, SWEEP, scale)
        what = "Decimal multiplication, 24 channels, which the paper does not have: 2 → 4 → 10 does better than 10"
        claims.append(order(what, at["2 > 4 > 10"], at["10"], long, why))
    for size in channels(scale):
        if found := curves({chain.replace(">", "→"): cell for chain, cell in cells(results, size).items()}, long):
            title = f"Decimal multiplication, {size} channels"
            caption = (
                f"{title}, by chain of bases: errors on decimal products in percent over training steps (training "
                "errors from the step on at which decimal products are learned), median of the seeds and, as a band, "
                "the lowest and highest; n is the number of seeds."
            )
            figure = training_and_test(title, found, f"{long} symbols")
            drawings.append(Drawing(f"figure-3-{size}", title, figure, caption))
    return Findings(claims=claims, drawings=drawings, setting=departures(scale), notes=[ORDER_RULE])


EXPERIMENT = Experiment(
    name="fig3",
    title="Figure 3: decimal multiplication",
    section="4",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=no_measurements,
    findings=_findings,
)

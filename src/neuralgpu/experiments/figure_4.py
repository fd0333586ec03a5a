"""Figure 4: the product of three binary factors, by chain.

    neuralgpu reproduce fig4 --scale laptop     # 24 channels, 1 seed, 3 chains
    neuralgpu reproduce fig4 --scale paper      # 128 channels, 15 seeds, 200,000 steps

The paper: always three factors is not learned; two, then three gives low training error and 100% test error; two,
three, then k factors gives low training error and a test error that falls.
"""

from collections.abc import Mapping

from neuralgpu.experiments.claims import ORDER_RULE, cell_of, curves, missing, order
from neuralgpu.experiments.experiment import Experiment, Findings, Scale, SweepValues, no_measurements
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.scales import LAPTOP_STEPS, departures, laptop, lengths, published, smoke
from neuralgpu.reporting.reproduction import Drawing
from neuralgpu.reporting.reproduction_figures import training_and_test

_SWEEP = "figure-4"
_CHAINS = {"always 3": "3bmul", "2, then 3": "bmul > 3bmul", "2, 3, then k": "bmul > 3bmul > kbmul"}
_ASKED = "3bmul"


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    if scale == "smoke":
        return {_SWEEP: smoke([_CHAINS["2, 3, then k"]], evaluate={"task": _ASKED, "every": 2, "every_count": 2})}
    tasks = list(_CHAINS.values())
    if scale == "laptop":
        looks = {"task": _ASKED, "every": LAPTOP_STEPS // 2, "every_count": 16}
        return {_SWEEP: laptop(tasks, seeds="1", evaluate=looks)}
    looks = {"task": _ASKED, "every": 4000, "every_count": 128}
    grid = {"channels": [128], "seeds": "0..14", "steps": paper("figure-4")["steps"]}
    return {_SWEEP: published(tasks, evaluate=looks, **grid)}


def _findings(results: Results, scale: Scale) -> Findings:
    long = lengths(scale)[1]
    size = {"smoke": 4, "laptop": 24, "paper": 128}[scale]
    names = {chain: "-".join(task.strip() for task in text.split(">")) for chain, text in _CHAINS.items()}
    cells = {chain: cell_of(results, _SWEEP, f"{name}-classic-{size}") for chain, name in names.items()}
    why = missing(results, _sweeps, _SWEEP, scale)
    always, then, many = cells.values()
    claims = [
        order("Two factors, then three does better than always three", then, always, long, why),
        order("Two, three, then k factors does better than two, then three", many, then, long, why),
    ]
    drawings = []
    if found := curves(cells, long):
        title = f"Products of three binary numbers, {size} channels"
        caption = (
            f"{title}, by chain: training error in percent on the last task of the chain and test error on products of "
            "three, over training steps; median of the seeds and, as a band, the lowest and highest; n is the number "
            "of seeds."
        )
        drawings = [Drawing("figure-4", title, training_and_test(title, found, f"{long} symbols"), caption)]
    return Findings(claims=claims, drawings=drawings, setting=departures(scale), notes=[ORDER_RULE])


EXPERIMENT = Experiment(
    name="fig4",
    title="Figure 4: three factors",
    section="4",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=no_measurements,
    findings=_findings,
)

"""Figure 7: alignment helps addition and hurts multiplication.

    neuralgpu reproduce fig7 --scale laptop     # 24 channels, 2 seeds for addition, 1 for multiplication
    neuralgpu reproduce fig7 --scale paper      # addition with 24, multiplication with 24 and 128 channels, 15 seeds

The paper draws test errors over training: aligned addition is learned by more trainings than padded, padded by more
than unpadded; multiplication of aligned numbers is the hardest.
"""

from collections.abc import Mapping

from neuralgpu.experiments.claims import ORDER_RULE, cell_of, curves, missing, order
from neuralgpu.experiments.experiment import Experiment, Findings, Scale, SweepValues, no_measurements
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import LAPTOP_STEPS, departures, laptop, lengths, published, smoke
from neuralgpu.reporting.reproduction import Drawing
from neuralgpu.reporting.reproduction_figures import training_and_test

_ADDITION, _MULTIPLICATION = "figure-7-addition", "figure-7-multiplication"
_LAYOUTS = {"aligned": "e", "padded": "", "unpadded": "z"}


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    tasks = {sweep: [f"{name}{end}" for end in _LAYOUTS.values()] for sweep, name in _NAMES.items()}
    if scale == "smoke":
        return {_ADDITION: smoke(tasks[_ADDITION][:2], evaluate={"every": 2, "every_count": 2})}
    if scale == "laptop":
        looks = {"every": LAPTOP_STEPS // 4, "every_count": 16}
        few = {_ADDITION: "0..1", _MULTIPLICATION: "1"}
        return {sweep: laptop(of_sweep, seeds=few[sweep], evaluate=looks) for sweep, of_sweep in tasks.items()}
    looks = {"every": 800, "every_count": 128}
    small, large = paper("figure-7")["channels"]
    return {
        _ADDITION: published(tasks[_ADDITION], channels=[small], seeds="0..14", steps=40_000, evaluate=looks),
        _MULTIPLICATION: published(
            tasks[_MULTIPLICATION], channels=[small, large], seeds="0..14", steps=200_000, evaluate=looks
        ),
    }


_NAMES = {_ADDITION: "badd", _MULTIPLICATION: "bmul"}


def _cells(results: Results, sweep: str, channels: int) -> dict[str, CellResults | None]:
    return {
        layout: cell_of(results, sweep, f"{_NAMES[sweep]}{end}-classic-{channels}") for layout, end in _LAYOUTS.items()
    }


def _findings(results: Results, scale: Scale) -> Findings:
    long = lengths(scale)[1]
    small, large = paper("figure-7")["channels"]
    if scale == "smoke":
        small = 4
    adding, multiplying = _cells(results, _ADDITION, small), _cells(results, _MULTIPLICATION, small)
    wide = _cells(results, _MULTIPLICATION, large)
    why = {sweep: missing(results, _sweeps, sweep, scale) for sweep in _NAMES}
    later = missing(results, _sweeps, _MULTIPLICATION, scale, sizes=(large,))
    name = f"{small} channels"
    claims = [
        order(
            f"Aligned addition is easier than padded ({name})", *_two(adding, "aligned", "padded"), long, why[_ADDITION]
        ),
        order(
            f"Padded addition is easier than unpadded ({name})",
            *_two(adding, "padded", "unpadded"),
            long,
            why[_ADDITION],
        ),
        order(
            f"Padded multiplication is easier than aligned ({name})",
            *_two(multiplying, "padded", "aligned"),
            long,
            why[_MULTIPLICATION],
        ),
        order(
            f"Padded multiplication is easier than aligned ({large} channels)",
            *_two(wide, "padded", "aligned"),
            long,
            later,
        ),
    ]
    titles = {
        f"Binary addition, {name}": adding,
        f"Binary multiplication, {name}": multiplying,
        f"Binary multiplication, {large} channels": wide,
    }
    drawings = [
        Drawing(
            f"figure-7-{number}",
            title,
            training_and_test(title, found, f"{long} symbols"),
            f"{title}: errors in percent over training steps, median of the seeds and, as a band, the lowest and "
            "highest of them; n is the number of seeds.",
        )
        for number, (title, cells) in enumerate(titles.items(), start=1)
        if (found := curves(cells, long))
    ]
    return Findings(claims=claims, drawings=drawings, setting=departures(scale), notes=[ORDER_RULE])


def _two(
    cells: Mapping[str, CellResults | None], better: str, worse: str
) -> tuple[CellResults | None, CellResults | None]:
    return cells[better], cells[worse]


EXPERIMENT = Experiment(
    name="fig7",
    title="Figure 7: alignment",
    section="6",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=no_measurements,
    findings=_findings,
)

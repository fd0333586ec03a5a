"""Table 1: how sequential steps and operations grow with the length of an input.

    neuralgpu reproduce table1 --scale laptop   # half a minute: nothing is trained

The paper: a feed-forward network does the same number of operations whatever the length, a recurrent one O(n), the
Neural GPU O(n²). Here the numbers are read from the compiled programs: this Neural GPU, a gated recurrent network, and
a feed-forward network for a fixed window; exponents are fitted.
"""

from collections.abc import Sequence

from neuralgpu.experiments.claims import not_run
from neuralgpu.experiments.experiment import Experiment, Findings, Measurement, Scale, no_sweeps
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import Results
from neuralgpu.power_law import Exponent, fitted_exponent
from neuralgpu.reporting.reproduction import Claim, Drawing
from neuralgpu.reporting.reproduction_figures import growth_with_length

MEASURED = "operations"
_NEAR = 0.1
"""Difference of exponents that the short end of the lengths explains."""
_TITLES = {"feed-forward": "Feed-forward network", "recurrent": "Recurrent network", "neural-gpu": "Neural GPU"}


def _measurements(scale: Scale) -> Sequence[Measurement]:
    asked = [11, 23, 47] if scale == "smoke" else [23, 47, 95, 191, 383, 767]
    return [
        Measurement(
            name=MEASURED, what="operations", arguments={"lengths": asked, "channels": 4 if scale == "smoke" else 24}
        )
    ]


def points(results: Results, model: str, what: str) -> dict[int, float]:
    """Returns steps or operations of a model by length."""
    return {line["length"]: float(line[what]) for line in results.measured(MEASURED) if line["model"] == model}


def _fit(found: dict[int, float]) -> Exponent:
    return fitted_exponent(list(found), list(found.values()))


def _claim(results: Results, model: str, power: int) -> Claim:
    what = f"{_TITLES[model]}: operations grow as n to the power of"
    found = points(results, model, "operations")
    if not found:
        return not_run(what, str(power), "not measured yet; the command above does it.")
    fit, steps = _fit(found), _fit(points(results, model, "steps"))
    near = abs(fit.exponent - power) <= _NEAR
    return Claim(
        what=what,
        paper=str(power),
        ours=f"{round(fit.exponent, 3) + 0:.3f} ± {fit.standard_error:.3f} "
        f"(sequential steps: {round(steps.exponent, 3) + 0:.3f})",
        verdict="agrees" if near else "differs",
        why=f"fitted to {len(found)} lengths from {min(found)} to {max(found)}; near means within {_NEAR}.",
    )


def _findings(results: Results, scale: Scale) -> Findings:
    claims = [_claim(results, model, power) for model, power in paper("table-1")["steps"].items()]
    drawings: list[Drawing] = []
    if results.measured(MEASURED):
        groups = {
            title: (found, _fit(found))
            for model, title in _TITLES.items()
            if (found := points(results, model, "operations"))
        }
        figure = growth_with_length("Operations for one input", groups, "Operations")
        caption = (
            "Floating-point operations for one input over its length n in symbols, by the compiler's own count, with "
            "the fitted power of n; n = 1 program of each kind and length."
        )
        drawings = [Drawing("table-1", "Table 1", figure, caption)]
    note = (
        "The compiler counts the inside of a loop once; how often the loop runs stands in the compiled program. The "
        "feed-forward network reads a window of fixed size, as the paper's: a longer input is cut off. Convolutional "
        "detectors, the neural Turing machine and the Grid LSTM of the paper's table are not part of this program."
    )
    return Findings(claims=claims, drawings=drawings, notes=[note])


EXPERIMENT = Experiment(
    name="table1",
    title="Table 1: steps and operations",
    section="3",
    promise=__doc__ or "",
    sweeps=no_sweeps,
    measurements=_measurements,
    findings=_findings,
)

"""Table 3: products of single digits behind zeros, and the regular inputs of section 5.

    neuralgpu reproduce table3 --scale laptop   # binary products, preset fast, 2 seeds
    neuralgpu reproduce table3 --scale paper    # decimal products by 2 → 4 → 10, 512 channels, 15 seeds

The paper: one model is wrong on 38 of the 100 pairs behind 99 zeros; averaging the seeds' predictions removes that;
1…1 × 1…1 is wrong above 8 ones, and so is what multiplies to b^n − 1.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from neuralgpu.experiments.claims import cell_of, missing, not_run
from neuralgpu.experiments.experiment import Experiment, Findings, Measurement, Scale, SweepValues
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.scales import lengths, published, smoke
from neuralgpu.reporting.reproduction import Claim, Drawing
from neuralgpu.reporting.reproduction_figures import wrong_pairs
from neuralgpu.reporting.wording import percent

_SWEEP = "table-3"
MEASURED = "regular-inputs"
_STEPS = 1800
_LAPTOP: SweepValues = {
    "tasks": ["bmul"],
    "preset": "fast",
    "seeds": "0..1",
    "steps": _STEPS,
    "settings": {"curriculum": {"buckets": [8, 12, 16, 20, 25], "max_length": 25, "proving_bucket": 0}},
    "evaluate": {"lengths": [25, 41, 201], "count": 64},
}


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    if scale == "smoke":
        return {_SWEEP: smoke(["bmul"], seeds="0..1")}
    if scale == "laptop":
        return {_SWEEP: _LAPTOP}
    grid = {"channels": [512], "seeds": "0..14", "steps": 200_000}
    return {_SWEEP: published(["bmul > qmul > mul"], evaluate={"every": 4000, "every_count": 128}, **grid)}


def _cell_name(scale: Scale) -> str:
    return {"smoke": "bmul-classic-4", "laptop": "bmul-fast-96", "paper": "bmul-qmul-mul-classic-512"}[scale]


def _zeros(scale: Scale) -> int:
    return 3 if scale == "smoke" else paper("table-3")["zeros"]


def _measurements(scale: Scale) -> Sequence[Measurement]:
    digits = [2, 3] if scale == "smoke" else [4, 6, 8, 9, 12, 16, 20, 30, 50]
    zeros = [0, _zeros(scale)] if scale == "smoke" else [0, 4, 9, 19, 49, _zeros(scale)]
    arguments = {"zeros": zeros, "digits": digits, "count": 32}
    return [Measurement(name=MEASURED, what="regular", sweep=_SWEEP, cells=(_cell_name(scale),), arguments=arguments)]


def _lines(results: Results, suite: str, size: int | None = None, *, averaged: bool = False) -> list[dict[str, Any]]:
    return [
        line
        for line in results.measured(MEASURED)
        if line["suite"] == suite and size in (None, line["size"]) and (line["averaged"] is not None) == averaged
    ]


def _claims(results: Results, scale: Scale, why: str) -> list[Claim]:
    numbers, zeros = paper("table-3"), _zeros(scale)
    cell = cell_of(results, _SWEEP, _cell_name(scale))
    each, together = _lines(results, "leading-zeros", zeros), _lines(results, "leading-zeros", zeros, averaged=True)
    whats = (
        f"One model is wrong on pairs of single digits behind {zeros} zeros",
        "Averaging the seeds' predictions removes these mistakes",
        f"1…1 × 1…1 is wrong above {numbers['most_ones']} ones",
        "What multiplies to b^n or b^n − 1 is wrong more often than random products as long",
        f"Random products of {lengths(scale)[1]} symbols are right",
    )
    papers = (f"{numbers['wrong_pairs']} of {numbers['pairs']}", "yes", "yes", "yes", "> 99%")
    if not each or cell is None or not cell.done:
        return [not_run(what, said, why) for what, said in zip(whats, papers, strict=True)]
    count, steps = len(each), cell.steps
    wrong = [line["wrong"] for line in each]
    random = median(cell.errors(lengths(scale)[1]).values())
    learned = random < 0.5
    unlearned = "the models have not learned long random products, so their mistakes say nothing of regular ones."
    told = ", ".join(f"{number} of {each[0]['asked']}" for number in wrong)
    claims = [
        Claim(
            what=whats[0],
            paper=papers[0],
            ours=f"{told} wrong, seed by seed",
            verdict="undecided" if not learned else "agrees" if max(wrong) else "differs",
            why=unlearned if not learned else "" if max(wrong) else "binary numbers have 4 pairs, decimal ones 100.",
            trainings=count,
            steps=steps,
        )
    ]
    average = together[0]["wrong"] if together else None
    removed = average is not None and average == 0 and max(wrong) > 0
    claims.append(
        Claim(
            what=whats[1],
            paper=papers[1],
            ours="one seed only" if average is None else f"{average} of {each[0]['asked']} wrong",
            verdict="undecided"
            if average is None or not learned or not max(wrong)
            else "agrees"
            if removed
            else "differs",
            why=""
            if removed
            else unlearned
            if not learned
            else "there was nothing to remove."
            if not max(wrong)
            else f"an average of {count} seeds is wrong where most of them are.",
            trainings=count,
            steps=steps,
        )
    )
    ones = {size: _ones_wrong(results, size) for size in sorted({line["size"] for line in _lines(results, "repeated")})}
    longer = [share for size, share in ones.items() if size > numbers["most_ones"]]
    agrees = bool(longer) and min(longer) >= 0.5
    claims.append(
        Claim(
            what=whats[2],
            paper=papers[2],
            ours="wrong share of seeds: "
            + ", ".join(f"{size} digits {percent(share)}" for size, share in ones.items()),
            verdict="undecided" if not learned or not longer else "agrees" if agrees else "differs",
            why=unlearned if not learned else "" if agrees else "other cell, other base, noise in training.",
            trainings=count,
            steps=steps,
        )
    )
    powers = [line["sequence_error"] for line in _lines(results, "power") if line["length"] >= lengths(scale)[0]]
    hard = median(powers) if powers else None
    more = hard is not None and hard > random
    claims.append(
        Claim(
            what=whats[3],
            paper=papers[3],
            ours="not asked" if hard is None else f"{percent(hard)} wrong, of random ones {percent(random)}",
            verdict="undecided" if hard is None or not learned else "agrees" if more else "differs",
            why=unlearned if not learned else "medians over seeds and sizes.",
            trainings=count,
            steps=steps,
        )
    )
    claims.append(
        Claim(
            what=whats[4],
            paper=papers[4],
            ours=f"{percent(1 - random)} right (median)",
            verdict="agrees" if random < 0.01 else "differs",
            why=""
            if random < 0.01
            else f"trained on products of at most 25 symbols for {steps:,} steps."
            if scale == "laptop"
            else "",
            trainings=count,
            steps=steps,
        )
    )
    return claims


def _ones_wrong(results: Results, size: int) -> float:
    """Returns the mean over seeds of the share of wrong products of repeated digits; in base 2 these are ones alone."""
    found = _lines(results, "repeated", size)
    return sum(line["sequence_error"] for line in found) / len(found)


def _findings(results: Results, scale: Scale) -> Findings:
    why = missing(results, _sweeps, _SWEEP, scale)
    drawings: list[Drawing] = []
    zeros = _zeros(scale)
    each = _lines(results, "leading-zeros", zeros)
    if each:
        bars = {f"seed {line['seed']}": line["wrong"] for line in each}
        bars |= {
            f"average of {line['averaged']}": line["wrong"]
            for line in _lines(results, "leading-zeros", zeros, averaged=True)
        }
        title = f"Single digits behind {zeros} zeros"
        caption = (
            f"Number of pairs of single digits, of {each[0]['asked']}, whose product behind {zeros} zeros is wrong: "
            f"each of n = {len(each)} seeds, and the average of their predictions."
        )
        drawings = [Drawing("table-3", title, wrong_pairs(title, bars, each[0]["asked"]), caption)]
    setting = (
        "Laptop scale: binary products by the preset 'fast' (96 channels, diagonal cells, noise), 2 seeds, "
        f"{_STEPS:,} steps at most, training products of at most 25 symbols. The paper's model does not learn to "
        "multiply within a laptop's time; the mistakes of another model may be other ones."
        if scale == "laptop"
        else ""
    )
    return Findings(claims=_claims(results, scale, why), drawings=drawings, setting=setting)


EXPERIMENT = Experiment(
    name="table3",
    title="Table 3: leading zeros and regular inputs",
    section="5",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=_measurements,
    findings=_findings,
)

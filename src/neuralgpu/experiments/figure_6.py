"""Figure 6: models that add random numbers lose long carries; how far each seed carries.

    neuralgpu reproduce fig6 --scale laptop     # aligned addition, 24 channels, 2 seeds, and 8 for the thresholds
    neuralgpu reproduce fig6 --scale paper      # padded addition, 128 channels, 15 seeds, and 1,121 for the thresholds

The paper: carries of more than 20 bits or 6 decimal digits are lost; training with carries of up to 20 digits teaches
20, not 30. Of 1,121 decimal adders 94% fail at 7 to 9 digits, 5% carry 33 or more, 1% 52 or more, the best 112.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from neuralgpu.experiments.claims import cell_of, missing, not_run, share, short_training
from neuralgpu.experiments.experiment import Experiment, Findings, Measurement, Scale, SweepValues
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import departures, laptop, lengths, published, smoke
from neuralgpu.reporting.judgement_figures import thresholds_of_seeds
from neuralgpu.reporting.reproduction import Claim, Drawing
from neuralgpu.reporting.reproduction_figures import errors_over_sizes
from neuralgpu.reporting.tail import Tail, fit_tail
from neuralgpu.reporting.wording import percent, plural
from neuralgpu.rows import ThresholdRow

_CURVES, _SEEDS = "figure-6", "figure-6-seeds"
MEASURED = "carry-thresholds"
_SUITE = "carry-low"
_LOST = 0.25
"""Error of the suite 'carry', half of whose sums hold no carry, from which on most of the carries are lost."""
_LEARNED = 5
"""Digits of a carry that a model has learned whose longer carries say anything."""
_FEWEST_FOR_TAIL = 3
_NORMAL = 1.96
"""Standard errors on either side of a 95% interval."""


def _tasks(scale: Scale) -> dict[str, str]:
    """Returns the four kinds of training, by what the legend says; the last one with seeds of a sweep of its own."""
    end = "" if scale == "paper" else "e"
    return {
        "binary, random": f"badd{end}",
        "binary, carry-rich": f"badd{end}t",
        "decimal, carry-rich": f"add{end}t",
        "decimal, random": f"add{end}",
    }


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    *others, last = _tasks(scale).values()
    if scale == "smoke":
        return {_SEEDS: smoke([last], evaluate={"carries": [2, 3]})}
    carries = {"carries": [1, 2, 3, 5, 7, 9, 12, 16, 20, 30, 40, 60]}
    if scale == "laptop":
        return {_CURVES: laptop(others, evaluate=carries), _SEEDS: laptop([last], seeds="0..7", evaluate=carries)}
    grid = {"channels": [128], "steps": 100_000}
    return {
        _CURVES: published(others, seeds="0..14", evaluate=carries, **grid),
        _SEEDS: published([last], seeds=f"0..{paper('figure-6')['seeds'] - 1}", evaluate=carries, **grid),
    }


def _channels(scale: Scale) -> int:
    return {"smoke": 4, "laptop": 24, "paper": 128}[scale]


def _cell_name(scale: Scale) -> str:
    return f"{_tasks(scale)['decimal, random']}-classic-{_channels(scale)}"


def _measurements(scale: Scale) -> Sequence[Measurement]:
    longest = {"smoke": 13, "laptop": 201, "paper": 401}[scale]
    return [
        Measurement(
            name=MEASURED,
            what="thresholds",
            sweep=_SEEDS,
            cells=(_cell_name(scale),),
            arguments={"suite": _SUITE, "longest": longest},
        )
    ]


def _cells(results: Results, scale: Scale) -> dict[str, CellResults | None]:
    return {
        name: cell_of(results, _SEEDS if name == "decimal, random" else _CURVES, f"{task}-classic-{_channels(scale)}")
        for name, task in _tasks(scale).items()
    }


def _thresholds(results: Results) -> list[ThresholdRow]:
    return [
        ThresholdRow(**{key: value for key, value in line.items() if key != "cell"})
        for line in results.measured(MEASURED)
    ]


def _lost_beyond(name: str, digits: int, cell: CellResults | None, why: str, longest: int) -> Claim:
    """Says from which carry length on most carries are lost."""
    what = f"Addition, {name}: carries of more than {digits} digits are lost"
    if cell is None or not cell.done:
        return not_run(what, str(digits), why)
    errors = {size: median(found) for size, found in sorted(cell.by_size("carry").items())}
    lost = [size for size, error in errors.items() if error >= _LOST]
    kept = [size for size in errors if size < min(lost, default=max(errors) + 1)]
    ours = f"lost from {min(lost)} digits on" if lost else f"none lost up to {max(errors)}"
    agrees = bool(lost) and all(size in lost for size in errors if size > 2 * digits)
    learned = bool(kept) and max(kept) >= min(_LEARNED, digits)
    verdict = "agrees" if agrees and learned else "undecided" if not learned else "differs"
    return Claim(
        what=what,
        paper=str(digits),
        ours=ours,
        trainings=len(cell.done),
        steps=cell.steps,
        verdict=verdict,
        why="" if verdict == "agrees" else short_training(cell, longest),
    )


def _hard_claim(name: str, cell: CellResults | None, why: str, longest: int) -> Claim:
    """Says whether training with carries of 20 digits teaches 20, and not 30."""
    numbers = paper("figure-6")
    held, lost = numbers["hard_carries"], numbers["hard_loses"]
    what = f"Addition, {name}: carries of {held} digits are right, of {lost} not"
    sizes = {} if cell is None else cell.by_size("carry")
    if cell is None or held not in sizes or lost not in sizes:
        return not_run(what, "yes", why)
    errors = [median(sizes[size]) for size in (held, lost)]
    agrees = errors[0] < _LOST <= errors[1]
    learned = all(median(found) < _LOST for size, found in sizes.items() if size <= _LEARNED)
    each = ", ".join(percent(error) for error in sizes[lost])
    return Claim(
        what=what,
        paper="yes",
        ours=f"{percent(errors[0])} and {percent(errors[1])} of the sums wrong, half of which hold no carry",
        trainings=len(cell.done),
        steps=cell.steps,
        verdict="agrees" if agrees else "differs" if learned else "undecided",
        why="" if agrees else f"seed by seed {each} wrong at {lost} digits; {short_training(cell, longest)}",
    )


def _threshold_claims(rows: Sequence[ThresholdRow], steps: int | None, why: str, explained: str) -> list[Claim]:
    numbers = paper("figure-6")
    reached = [row.size + 1 if row.threshold is None else row.threshold for row in rows]
    low, high = numbers["short_from"], numbers["short_to"]
    bounds = {
        f"Decimal adders whose threshold is {low} to {high} digits": (numbers["short_share"], low, high),
        f"Decimal adders that carry {numbers['long_from']} digits or more": (
            numbers["long_share"],
            numbers["long_from"],
            None,
        ),
        f"Decimal adders that carry {numbers['longest_from']} digits or more": (
            numbers["longest_share"],
            numbers["longest_from"],
            None,
        ),
    }
    learned = bool(reached) and median(reached) > _LEARNED
    claims: list[Claim] = []
    for what, (published_share, least, most) in bounds.items():
        if not rows:
            claims.append(not_run(what, percent(published_share), why))
            continue
        hits = sum(least <= size and (most is None or size <= most) for size in reached)
        claim = share(what, published_share, hits, len(rows), steps, explained)
        claims.append(claim if learned else replace(claim, verdict="undecided", why=explained))
    claims.append(_extrapolation(rows, steps, why))
    best = f"Longest carry of the best of {numbers['seeds']:,} adders"
    if not rows:
        return [*claims, not_run(best, str(numbers["best"]), why)]
    few = len(rows) < numbers["seeds"]
    told = f"{max(reached)} (best of {len(rows)})"
    verdict = "undecided" if few and max(reached) < numbers["best"] else "agrees"
    text = f"the best of {plural(len(rows), 'seed')} says little of the best of {numbers['seeds']:,}." if few else ""
    return [
        *claims,
        Claim(
            what=best,
            paper=str(numbers["best"]),
            ours=told,
            trainings=len(rows),
            steps=steps,
            verdict=verdict,
            why=text,
        ),
    ]


def _extrapolation(rows: Sequence[ThresholdRow], steps: int | None, why: str) -> Claim:
    """Says how many trainings the fitted tail asks for until one carries very far."""
    numbers = paper("figure-6")
    digits, trials = numbers["extrapolated_digits"], numbers["extrapolated_trials"]
    what = f"Trainings until one adder carries {digits:,} digits, if the tail is a power law"
    if not rows:
        return not_run(what, f"{trials:,.0f}", why)
    tail = _tail(rows)
    found = None if tail is None else len(rows) / tail.seeds * (digits / tail.start) ** tail.exponent
    return Claim(
        what=what,
        paper=f"{trials:,.0f}",
        ours="no tail to fit" if found is None else f"{found:,.0f}",
        trainings=len(rows),
        steps=steps,
        verdict="undecided",
        why="the thresholds of the upper half of the seeds are all the same."
        if tail is None
        else f"an extrapolation; here it rests on the {tail.seeds} seeds of the upper half.",
    )


def _tail(rows: Sequence[ThresholdRow]) -> Tail | None:
    met = [row.threshold for row in rows if row.threshold is not None]
    return fit_tail(met, [row.size for row in rows if row.threshold is None]) if met else None


def _drawings(results: Results, scale: Scale, rows: Sequence[ThresholdRow]) -> list[Drawing]:
    drawings: list[Drawing] = []
    cells = {name: cell for name, cell in _cells(results, scale).items() if cell is not None and cell.done}
    if cells:
        groups = {f"{name} (n = {len(cell.done)})": cell.by_size("carry") for name, cell in cells.items()}
        figure = errors_over_sizes("Additions with long carries", groups, "Carry length (digits)")
        counts = sorted({row.count for cell in cells.values() for row in cell.rows if row.suite == "carry"})
        caption = (
            "Sequence error in percent over the number of digits that a carry runs through, median of the seeds and, "
            f"as a band, the lowest and highest; n is the number of seeds, each asked {max(counts)} sums of every "
            "length, half of which just start no carry: a model that loses every carry errs on 50%."
        )
        drawings.append(Drawing("figure-6-left", "Figure 6, left", figure, caption))
    if len(rows) >= _FEWEST_FOR_TAIL and any(row.threshold is not None for row in rows):
        tail = _tail(rows)
        fitted = (
            f" The fitted tail falls as c to the power of −{tail.exponent:.2g} (95% interval "
            f"−{tail.exponent + _NORMAL * tail.error:.2g} to −{max(0.0, tail.exponent - _NORMAL * tail.error):.2g}), "
            f"from {tail.start} digits on."
            if tail
            else ""
        )
        caption = (
            f"Share of n = {len(rows)} seeds whose threshold, the carry length at which half of the sums of the suite "
            f"{_SUITE} are wrong, is at least c digits; both axes logarithmic.{fitted}"
        )
        drawings.append(Drawing("figure-6-right", "Figure 6, right", thresholds_of_seeds(rows, tail), caption))
    return drawings


def _findings(results: Results, scale: Scale) -> Findings:
    numbers, longest = paper("figure-6"), lengths(scale)[0]
    cells, rows = _cells(results, scale), _thresholds(results)
    why = {sweep: missing(results, _sweeps, sweep, scale) for sweep in (_CURVES, _SEEDS)}
    decimal = cells["decimal, random"]
    explained = "" if decimal is None or not decimal.done else short_training(decimal, longest)
    claims = [
        _lost_beyond("binary, random", numbers["binary_carry"], cells["binary, random"], why[_CURVES], longest),
        _lost_beyond("decimal, random", numbers["decimal_carry"], decimal, why[_SEEDS], longest),
        *(
            _hard_claim(name, cells[name], why[_CURVES], longest)
            for name in ("binary, carry-rich", "decimal, carry-rich")
        ),
        *_threshold_claims(rows, decimal.steps if decimal else None, why[_SEEDS], explained),
    ]
    aligned = "Operands are aligned, one a row, which so few steps suffice for; the paper's are padded."
    rule = (
        f"A carry length counts as lost where at least {percent(_LOST)} of the suite's sums are wrong, as half of them "
        f"hold no carry. Models that have not learned carries of {_LEARNED} digits cannot decide what happens to long "
        "ones."
    )
    return Findings(
        claims=claims, drawings=_drawings(results, scale, rows), setting=departures(scale, aligned), notes=[rule]
    )


EXPERIMENT = Experiment(
    name="fig6",
    title="Figure 6: long carries",
    section="5",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=_measurements,
    findings=_findings,
)

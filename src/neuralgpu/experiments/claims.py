"""How a claim of the paper is set beside what was found."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from neuralgpu.experiments.experiment import Scale, SweepValues
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.proportion import wilson_interval
from neuralgpu.reporting.reproduction import Claim, Verdict
from neuralgpu.reporting.reproduction_figures import Curves
from neuralgpu.reporting.wording import interval, percent, plural

_APART = 0.05
"""Difference of two median errors from which on one is the lower one."""
_WIDE = 0.5
"""Width of an interval that decides nothing: half of all shares lie in it."""
ORDER_RULE = (
    "One setting does better than another where the median over its seeds of the lowest test error is lower by at "
    "least 5 points; where these do not differ as much, where its curriculum has reached longer inputs."
)


def share(what: str, paper: float, hits: int, count: int, steps: int | None, why: str) -> Claim:
    """Sets a share of the paper's beside one of ours: it agrees where it lies in our 95% interval, if that is narrow.

    Args:
        what: the claim.
        paper: the paper's share.
        hits: how many of ours.
        count: of how many.
        steps: training steps of each.
        why: what explains a difference best.
    """
    low, high = wilson_interval(hits, count)
    verdict: Verdict = "differs" if not low <= paper <= high else "undecided" if high - low > _WIDE else "agrees"
    few = f"{plural(count, 'training')} leave an interval that is {100 * (high - low):.0f} points wide."
    return Claim(
        what=what,
        paper=percent(paper),
        ours=f"{hits} of {count} ({percent(hits / count)})",
        interval=interval(low, high),
        trainings=count,
        steps=steps,
        verdict=verdict,
        why={"agrees": "", "differs": why, "undecided": few, "not run": ""}[verdict],
    )


def not_run(what: str, paper: str, why: str) -> Claim:
    """Says why there is nothing to set beside a claim."""
    return Claim(what=what, paper=paper, verdict="not run", why=why)


def missing(
    results: Results,
    sweeps: Callable[[Scale], Mapping[str, SweepValues]],
    sweep: str,
    scale: Scale,
    *,
    sizes: Sequence[int] = (),
) -> str:
    """Says why there is nothing of a part of a sweep.

    Args:
        results: what there is.
        sweeps: those that the experiment rests on.
        sweep: name of the one in question.
        scale: of the reproduction.
        sizes: numbers of channels that the claim is about, where the scale does not have them.
    """
    found = results.sweep(sweep)
    if scale != "paper" and sizes:
        return f"{' and '.join(map(str, sizes))} channels are left to the scale 'paper'."
    if sweep not in sweeps(scale) or (found is not None and not found.missing):
        return f"no part of the scale {scale!r}."
    if found is None:
        return "not begun yet; the command above runs it."
    done = len(found.jobs) - len(found.missing)
    return f"{done} of {len(found.jobs)} jobs are done, none of this; the command above goes on."


def order(what: str, better: CellResults | None, worse: CellResults | None, length: int, reason: str) -> Claim:
    """Sets two settings beside each other, of which the paper finds the first one better.

    Args:
        what: the claim.
        better: what the paper finds better.
        worse: what it is compared with.
        length: of the test inputs.
        reason: why it was not run, if it was not.
    """
    if better is None or worse is None or not better.done or not worse.done:
        return not_run(what, "yes", reason)
    errors = [median(cell.best_errors(length).values()) for cell in (better, worse)]
    reached = [cell.reached or 0 for cell in (better, worse)]
    verdict, why = _order(errors, reached)
    told = " against ".join(
        f"{percent(error)} wrong, length {at:g} reached" for error, at in zip(errors, reached, strict=True)
    )
    trainings = len(better.done) + len(worse.done)
    return Claim(what=what, paper="yes", ours=told, trainings=trainings, steps=better.steps, verdict=verdict, why=why)


def _order(errors: Sequence[float], reached: Sequence[float]) -> tuple[Verdict, str]:
    if abs(errors[0] - errors[1]) >= _APART:
        return ("agrees", "") if errors[0] < errors[1] else ("differs", "by the test error; few seeds.")
    if reached[0] != reached[1]:
        told = "test errors do not differ; decided by the length that the curriculum has reached."
        return ("agrees", told) if reached[0] > reached[1] else ("differs", told)
    return "undecided", "neither the test errors nor the lengths reached differ after as few steps."


def curves(cells: Mapping[str, CellResults | None], length: int) -> dict[str, Curves]:
    """Returns the curves of those settings that have been trained, by the names of the legend."""
    return {
        f"{name} (n = {len(cell.done)})": Curves(cell.training_curves(), list(cell.test_curves(length).values()))
        for name, cell in cells.items()
        if cell is not None and cell.done
    }


def short_training(cell: CellResults, longest: int) -> str:
    """Says how far the curriculum came, which is what a short training mostly lacks."""
    reached = cell.reached
    if reached is None or reached >= longest:
        return f"trained for {cell.steps:,} steps."
    return f"after {cell.steps:,} steps the curriculum stood at inputs of {reached:g} of {longest} symbols."


def cell_of(results: Results, sweep: str, name: str) -> CellResults | None:
    """Returns a cell of a sweep by its name; None where the sweep has not been begun or has no such cell."""
    found = results.sweep(sweep)
    return None if found is None else found.cells.get(name)

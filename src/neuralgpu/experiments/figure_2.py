"""Figure 2: which share of trainings succeeds, by variant of the model and size.

    neuralgpu reproduce fig2 --scale laptop     # 2 tasks, 7 variants, 24 channels, 2 seeds
    neuralgpu reproduce fig2 --scale paper      # 13 tasks, 7 variants, 24, 128 and 256 channels, 15 seeds

The paper finds 70% of the classic model's trainings below 1% error at length 41 and 41% at length 201 (24 channels),
99% and 53% (128 channels). A laptop's shares are over two of the tasks, so they are not the same quantity.
"""

from collections.abc import Mapping, Sequence

from neuralgpu.experiments.claims import missing, not_run, share, short_training
from neuralgpu.experiments.experiment import Experiment, Findings, Scale, SweepValues, no_measurements
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import CellResults, Results
from neuralgpu.experiments.scales import departures, laptop, lengths, published, smoke
from neuralgpu.proportion import wilson_interval
from neuralgpu.reporting.reproduction import Claim, Drawing
from neuralgpu.reporting.reproduction_figures import Share, shares_with_intervals
from neuralgpu.reporting.wording import percent

SWEEP = "figure-2"
TASKS = (
    *("badd", "badde", "baddet", "baddt", "baddz", "baddzt", "bmul"),
    *("sbadd", "sbadde", "sbaddet", "sbaddt", "scopy", "sdup"),
)
VARIANTS: Mapping[str, SweepValues] = {
    "classic": {},
    "no-cutoff": {"model": {"sigmoid_cutoff": 0}},
    "no-dropout": {"model": {"dropout": 0}},
    "one-copy": {"model": {"copies": 1}},
    "gradient-noise": {"optimiser": {"gradient_noise": 0.001}},
    "batch-norm": {"model": {"batch_norm": "masked"}},
    "residual": {"model": {"cell": "residual"}},
}
_LAPTOP_TASKS = ("badde", "scopy")
_KINDS = {"trained": "trained to < 1% at length {}", "generalises": "generalises to < 1% at length {}"}


def _sweeps(scale: Scale) -> Mapping[str, SweepValues]:
    variants = {name: dict(settings) for name, settings in VARIANTS.items()}
    if scale == "smoke":
        return {SWEEP: smoke(["badd"], variants={name: variants[name] for name in ("classic", "residual")})}
    if scale == "laptop":
        return {SWEEP: laptop(_LAPTOP_TASKS, variants=variants)}
    looks = {"every": 800, "every_count": 128}
    grid = {"channels": paper("figure-2")["channels"], "seeds": "0..14", "steps": 40_000}
    return {SWEEP: published(TASKS, variants=variants, evaluate=looks, **grid)}


def cells_of(results: Results, variant: str, channels: int) -> list[CellResults]:
    """Returns the cells of a variant and size that have been trained, one a task."""
    found = results.sweep(SWEEP)
    return [] if found is None else [cell for cell in found.chosen(None, variant, channels) if cell.done]


def successes(cells: Sequence[CellResults], length: int) -> tuple[int, int]:
    """Returns how many trainings of all tasks came below 1% error, and how many there are."""
    counts = [cell.successes(length) for cell in cells]
    return sum(hits for hits, _ in counts), sum(count for _, count in counts)


def _claim(results: Results, scale: Scale, variant: str, channels: int, kind: str, published_share: float) -> Claim:
    length = lengths(scale)[kind == "generalises"]
    what = f"{variant}, {channels} channels: {_KINDS[kind].format(length)}"
    cells = cells_of(results, variant, 4 if scale == "smoke" else channels)
    hits, count = successes(cells, length)
    if not count or (scale == "smoke" and channels != 24):
        sizes = () if channels == 24 else (channels,)
        return not_run(what, percent(published_share), missing(results, _sweeps, SWEEP, scale, sizes=sizes))
    tasks = " and ".join(cell.task for cell in cells)
    why = f"over {tasks} instead of 13 tasks; {short_training(cells[0], lengths(scale)[0])}"
    return share(what, published_share, hits, count, cells[0].steps, why)


def _shares(results: Results, scale: Scale, kind: str, length: int) -> list[Share]:
    shares: list[Share] = []
    for variant, published_shares in paper("figure-2")[kind].items():
        for channels, published_share in zip(paper("figure-2")["channels"], published_shares, strict=False):
            hits, count = successes(cells_of(results, variant, 4 if scale == "smoke" else channels), length)
            if count and (scale == "paper" or channels == 24):
                low, high = wilson_interval(hits, count)
                shares.append(Share(f"{variant}, {channels}", hits / count, low, high, published_share))
    return shares


def _findings(results: Results, scale: Scale) -> Findings:
    claims = [
        _claim(results, scale, variant, channels, kind, published_share)
        for kind in _KINDS
        for variant, published_shares in paper("figure-2")[kind].items()
        for channels, published_share in zip(paper("figure-2")["channels"], published_shares, strict=False)
    ]
    panels = {
        _KINDS[kind].format(length).replace(" to ", "\nto "): _shares(results, scale, kind, length)
        for kind, length in zip(_KINDS, lengths(scale), strict=True)
    }
    drawings: list[Drawing] = []
    if all(panels.values()):
        counts = sorted({claim.trainings for claim in claims if claim.trainings})
        caption = (
            "Share of trainings whose error came below 1%, in percent, by variant and number of channels; n = "
            f"{' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} trainings in each. "
            "Bars are 95% Wilson intervals."
        )
        figure = shares_with_intervals("Trainings that succeed", panels)
        drawings = [Drawing("figure-2", "Figure 2", figure, caption)]
    fewer = f"Tasks: {' and '.join(_LAPTOP_TASKS)} instead of 13."
    rule = (
        "A training succeeds where at some look fewer than 1% of its answers are wrong; a look on a laptop is the "
        "judgement at the end, with 64 inputs of each length, so that none may be wrong."
    )
    tasks = (
        "The paper's shares are over 13 tasks. Those here are over the tasks that were run, some of them the easiest."
    )
    return Findings(
        claims=claims,
        drawings=drawings,
        setting=departures(scale, fewer),
        notes=[rule] if scale == "paper" else [rule, tasks],
    )


EXPERIMENT = Experiment(
    name="fig2",
    title="Figure 2: variants and sizes",
    section="4",
    promise=__doc__ or "",
    sweeps=_sweeps,
    measurements=no_measurements,
    findings=_findings,
)

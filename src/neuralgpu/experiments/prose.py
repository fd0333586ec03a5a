"""What sections 3 and 4 say in words: variability over seeds, sizes, memory.

    neuralgpu reproduce prose --scale laptop    # the trainings of Figure 2, and a minute of compiling

The paper: only a fraction of seeds generalises; most changes of the model raise that fraction by no more than 10%, and
help training more than generalising; the simplest way to do better is a larger model; one of 128 channels did not fit
into 12 GB, which smaller batches and keeping states on the host mend.
"""

from collections.abc import Sequence

from neuralgpu.experiments import figure_2, table_1
from neuralgpu.experiments.claims import missing, not_run
from neuralgpu.experiments.experiment import Experiment, Findings, Measurement, Scale
from neuralgpu.experiments.paper import paper
from neuralgpu.experiments.results import Results
from neuralgpu.experiments.scales import departures, lengths
from neuralgpu.reporting.reproduction import Claim
from neuralgpu.reporting.wording import percent

MEASURED = "memory"


def _measurements(scale: Scale) -> Sequence[Measurement]:
    sizes = [4] if scale == "smoke" else [paper("memory")["channels"]]
    length, batches = (8, [2, 4]) if scale == "smoke" else (48, [8, 32])
    small = {"model": {"layers": 1, "copies": 2}} if scale == "smoke" else {}
    arguments = {"channels": sizes, "length": length, "memories": ["store", "step"], "batches": batches, **small}
    shared = [] if scale == "smoke" else list(table_1.EXPERIMENT.measurements(scale))
    return [*shared, Measurement(name=MEASURED, what="memory", arguments=arguments)]


def _variability(results: Results, scale: Scale, channels: int) -> Claim:
    what = "Seeds of one setting end differently: only a fraction generalises"
    found, long = results.sweep(figure_2.SWEEP), lengths(scale)[1]
    cells = [] if found is None else [cell for cell in found.chosen(channels=channels) if len(cell.done) > 1]
    if not cells:
        return not_run(what, "yes", missing(results, EXPERIMENT.sweeps, figure_2.SWEEP, scale))
    counts = [cell.successes(long) for cell in cells]
    split = sum(0 < hits < count for hits, count in counts)
    apart = sum(_spread(list(cell.best_errors(long).values())) for cell in cells)
    return Claim(
        what=what,
        paper="yes",
        ours=f"in {split} of {len(cells)} settings some seeds come below 1% and others do not; in {apart} their errors "
        "lie more than 10 points apart",
        trainings=sum(count for _, count in counts),
        steps=cells[0].steps,
        verdict="agrees" if split or apart else "undecided",
        why="" if split or apart else "too few seeds and steps to see them part.",
    )


def _spread(errors: Sequence[float]) -> bool:
    return max(errors) - min(errors) > 0.1


def _changes(results: Results, scale: Scale, channels: int) -> list[Claim]:
    most = paper("variability")["most_change"]
    whats = (
        f"Most changes of the model raise the share that generalises by no more than {percent(most)}",
        "More changes raise the share that is trained than the share that generalises",
    )
    shares: dict[str, list[float]] = {}
    trainings = 0
    for variant in figure_2.VARIANTS:
        counts = [
            figure_2.successes(figure_2.cells_of(results, variant, channels), length) for length in lengths(scale)
        ]
        if all(count for _, count in counts):
            shares[variant] = [hits / count for hits, count in counts]
            trainings += counts[0][1]
    if "classic" not in shares or len(shares) < 3:
        return [not_run(what, "yes", missing(results, EXPERIMENT.sweeps, figure_2.SWEEP, scale)) for what in whats]
    trained, generalises = shares.pop("classic")
    small = sum(share[1] - generalises <= most for share in shares.values())
    up = [
        sum(share[at] > of_classic for share in shares.values()) for at, of_classic in enumerate((trained, generalises))
    ]
    steps = figure_2.cells_of(results, "classic", channels)[0].steps
    few = generalises == 0 and not any(share[1] for share in shares.values())
    none = "nothing generalises after as few steps, so no change can show."
    return [
        Claim(
            what=whats[0],
            paper="yes",
            ours=f"{small} of {len(shares)} changes",
            trainings=trainings,
            steps=steps,
            verdict="undecided" if few else "agrees" if 2 * small > len(shares) else "differs",
            why=none if few else "few seeds: a share moves in large steps.",
        ),
        Claim(
            what=whats[1],
            paper="yes",
            ours=f"{up[0]} raise the share that is trained, {up[1]} the share that generalises",
            trainings=trainings,
            steps=steps,
            verdict="undecided" if up[0] == up[1] else "agrees" if up[0] > up[1] else "differs",
            why="few seeds: a share moves in large steps.",
        ),
    ]


def _larger(results: Results, scale: Scale) -> Claim:
    what = "Larger models do better: classic, 128 channels against 24"
    numbers = paper("figure-2")["generalises"]["classic"]
    said = f"{percent(numbers[1])} against {percent(numbers[0])}"
    long = lengths(scale)[1]
    counts = [figure_2.successes(figure_2.cells_of(results, "classic", size), long) for size in (128, 24)]
    if not all(count for _, count in counts):
        sizes = () if scale == "paper" else (128,)
        return not_run(what, said, missing(results, EXPERIMENT.sweeps, figure_2.SWEEP, scale, sizes=sizes))
    shares = [hits / count for hits, count in counts]
    return Claim(
        what=what,
        paper=said,
        ours=" against ".join(map(percent, shares)),
        trainings=sum(count for _, count in counts),
        verdict="agrees" if shares[0] > shares[1] else "differs",
    )


def _memory(results: Results, scale: Scale) -> list[Claim]:
    numbers = paper("memory")
    size, room = numbers["channels"], numbers["bytes"]
    whats = (
        f"A model of {size} channels does not fit into {room / 1e9:.0f} GB",
        "A smaller batch takes less memory",
        "Not keeping all activations takes less memory",
    )
    found = {(line["channels"], line["memory"], line["batch"]): line for line in results.measured(MEASURED)}
    measured = 4 if scale == "smoke" else size
    batches = sorted({batch for of_size, _, batch in found if of_size == measured})
    if not batches:
        return [not_run(what, "yes", "not measured yet; the command above does it.") for what in whats]

    def gigabytes(memory: str, batch: int) -> float:
        return found[measured, memory, batch]["bytes"] / 1e9

    small, large = batches[0], batches[-1]
    kept, again, fewer = gigabytes("store", large), gigabytes("step", large), gigabytes("store", small)
    length = found[measured, "store", large]["length"]
    return [
        Claim(
            what=whats[0],
            paper="yes",
            ours=f"{kept:.3g} GB with everything kept, {again:.2g} GB as this program trains "
            f"(batch {large}, length {length})",
            verdict="undecided" if scale == "smoke" else "agrees" if kept > room / 1e9 else "differs",
            why="the smoke scale has 4 channels."
            if scale == "smoke"
            else ""
            if kept > room / 1e9
            else "counted by the compiler for one training step, which reuses buffers; the published program held the "
            "graphs of all lengths, each with its own activations.",
        ),
        Claim(
            what=whats[1],
            paper="yes",
            ours=f"{fewer:.3g} GB at batch {small}, {kept:.3g} GB at {large}",
            verdict="agrees" if fewer < kept else "differs",
        ),
        Claim(
            what=whats[2],
            paper="yes",
            ours=f"{again:.3g} GB with the state before every step, {kept:.3g} GB with everything",
            verdict="agrees" if again < kept else "differs",
            why="the paper moves activations to the host's memory; here they are computed again.",
        ),
    ]


def _applications(results: Results) -> Claim:
    what = "The layers are applied n times to an input of length n"
    steps = table_1.points(results, "neural-gpu", "steps")
    if not steps:
        return not_run(what, "n", "not measured yet; the command above does it.")
    most = max(abs(count - length) for length, count in steps.items())
    told = ", ".join(f"{count:.0f} at {length}" for length, count in list(steps.items())[:4])
    return Claim(
        what=what,
        paper="n",
        ours=told,
        verdict="agrees" if most <= 6 else "differs",
        why="n + 1, rounded up to whole rounds of the six copies of the weights.",
    )


def _findings(results: Results, scale: Scale) -> Findings:
    channels = 4 if scale == "smoke" else 24
    claims = [
        _applications(results),
        _variability(results, scale, channels),
        *_changes(results, scale, channels),
        _larger(results, scale),
        *_memory(results, scale),
    ]
    return Findings(claims=claims, setting=departures(scale))


EXPERIMENT = Experiment(
    name="prose",
    title="Sections 3 and 4, in words",
    section="3 and 4",
    promise=__doc__ or "",
    sweeps=figure_2.EXPERIMENT.sweeps,
    measurements=_measurements,
    findings=_findings,
)

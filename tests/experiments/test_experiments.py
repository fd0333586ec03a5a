"""Every experiment: what it would run, what it says before and after."""

import re
from pathlib import Path
from typing import get_args

import pytest

from neuralgpu.cli.reproduce_plan import hours_text
from neuralgpu.cluster.spec import grid, sweep_spec
from neuralgpu.errors import UserError
from neuralgpu.experiments import measuring
from neuralgpu.experiments.costs import planned
from neuralgpu.experiments.experiment import SCALES, Experiment, Scale
from neuralgpu.experiments.paper import paper_numbers
from neuralgpu.experiments.registry import ALL, EXPERIMENTS, chosen, find_scale
from neuralgpu.experiments.results import Results
from neuralgpu.reporting.reproduction import Verdict

from . import invented

EVERY = list(EXPERIMENTS.values())
IDS = list(EXPERIMENTS)


def test_all_are_there_and_the_cheapest_come_first() -> None:
    assert set(EXPERIMENTS) == {*(f"fig{n}" for n in range(2, 8)), *(f"table{n}" for n in range(1, 4)), "prose"}
    assert sorted(experiment.name for experiment in chosen(ALL)) == sorted(EXPERIMENTS)
    assert chosen(ALL)[0].name == "table1"
    assert chosen("fig4") == [EXPERIMENTS["fig4"]]
    with pytest.raises(UserError, match=r"There is no experiment 'fig8'\. Did you mean 'fig"):
        chosen("fig8")
    with pytest.raises(UserError, match=r"There is no scale 'labtop'\. Did you mean 'laptop'\?"):
        find_scale("labtop")


@pytest.mark.parametrize("experiment", EVERY, ids=IDS)
def test_the_head_of_a_module_is_a_promise(experiment: Experiment) -> None:
    assert f"neuralgpu reproduce {experiment.name} --scale laptop" in experiment.promise
    assert "The paper" in experiment.promise


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", EVERY, ids=IDS)
def test_what_is_run_is_possible(experiment: Experiment, scale: Scale) -> None:
    sweeps = experiment.sweeps(scale)
    cells = {name: {cell.name for cell in grid(sweep_spec(values))} for name, values in sweeps.items()}
    for measurement in experiment.measurements(scale):
        assert callable(getattr(measuring, measurement.what))
        if measurement.sweep:
            assert set(measurement.cells) <= cells[measurement.sweep]


def test_the_grid_of_figure_2_is_the_example_s() -> None:
    from neuralgpu.cluster.spec import read_spec

    example, _ = read_spec(Path(__file__).parents[2] / "examples" / "figure-2.toml")
    [values] = EXPERIMENTS["fig2"].sweeps("paper").values()
    spec = sweep_spec(values)
    assert (spec.tasks, spec.channels, spec.seeds, spec.steps) == (
        example.tasks,
        example.channels,
        example.seeds,
        example.steps,
    )
    named = {**example.variants, "classic": example.variants["published"]}
    assert spec.variants == {name: settings for name, settings in named.items() if name != "published"}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", EVERY, ids=IDS)
def test_before_anything_is_run_every_claim_says_why_not(experiment: Experiment, scale: Scale, tmp_path: Path) -> None:
    findings = experiment.findings(Results(tmp_path), scale)
    assert findings.claims
    assert findings.drawings in ((), [])
    for claim in findings.claims:
        assert (claim.verdict, bool(claim.why)) == ("not run", True), claim
        assert claim.ours == "–"


@pytest.mark.parametrize("experiment", EVERY, ids=IDS)
def test_after_a_laptop_has_run_it_only_other_sizes_are_missing(experiment: Experiment, tmp_path: Path) -> None:
    invented.done(tmp_path, experiment, "laptop")
    findings = experiment.findings(Results(tmp_path), "laptop")
    for claim in findings.claims:
        assert claim.verdict in get_args(Verdict)
        if claim.verdict == "not run":
            assert re.search(
                r"left to the scale 'paper'|not measured yet|not begun|jobs are done|no part of", claim.why
            )
        else:
            assert claim.ours != "–"
            assert claim.verdict == "agrees" or claim.why, claim
    if experiment.sweeps("laptop") and experiment.name not in ("prose", "table2", "table3"):
        assert findings.drawings
    for drawing in findings.drawings:
        assert re.search(r"n is the number of seeds|n = ", drawing.caption), drawing.caption


def test_the_page_has_the_cost_of_the_paper_s_scale(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reproduce.md").read_text(encoding="utf-8")
    for line in planned(tmp_path, "paper", chosen(ALL)):
        cells = [line.experiment, *line.what.split(), f"{line.trainings:,}" if line.trainings else "–"]
        cells += ["0", *map(hours_text, line.hours.values())] if line.trainings else ["no"]
        assert re.search(r"^" + r" +".join(map(re.escape, cells)) + r"$", page, flags=re.MULTILINE), cells


def test_names_of_drawings_differ(tmp_path: Path) -> None:
    names: list[str] = []
    for experiment in EVERY:
        invented.done(tmp_path, experiment, "laptop")
        names += [drawing.name for drawing in experiment.findings(Results(tmp_path), "laptop").drawings]
    assert len(names) == len(set(names)) > 5


def test_the_paper_s_numbers_are_those_of_the_paper() -> None:
    trained = "classic 70 99 100; no-cutoff 58 99; no-dropout 83 100; one-copy 67 77; gradient-noise 72 100"
    generalises = "classic 41 53 53; no-cutoff 29 45; no-dropout 35 46; one-copy 44 62; gradient-noise 43 53"
    rows = {
        "trained": f"{trained}; batch-norm 85 100; residual 20 91",
        "generalises": f"{generalises}; batch-norm 26 24; residual 16 18",
    }
    numbers = paper_numbers()
    for kind, text in rows.items():
        by_variant = {line.split()[0]: [int(word) / 100 for word in line.split()[1:]] for line in text.split("; ")}
        assert numbers["figure-2"][kind] == by_variant
    assert numbers["table-2"]["works"] == {
        "10": ["fails", "fails", "struggles"],
        "2 > 10": ["fails", "struggles", "struggles"],
        "2 > 5 > 10": ["struggles", "works", "works"],
        "2 > 4 > 10": ["works", "works", "works"],
    }
    carries = numbers["figure-6"]
    assert [carries[name] for name in ("seeds", "short_share", "long_share", "longest_share", "best")] == [
        1121,
        0.94,
        0.05,
        0.01,
        112,
    ]
    assert all(table.get("section") for table in numbers.values())

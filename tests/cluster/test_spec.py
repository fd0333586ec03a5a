import tomllib
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.choice import chosen_config
from neuralgpu.cluster.spec import grid, read_spec, sweep_spec
from neuralgpu.errors import UserError

from .conftest import SPEC

EXAMPLES = Path(__file__).parents[2] / "examples"


def cells(text: str) -> list[Any]:
    return grid(sweep_spec(tomllib.loads(text)))


def test_a_grid_has_a_cell_for_each_task_variant_and_size() -> None:
    found = cells(
        'tasks = ["badd", "bmul > mul"]\nchannels = [24, 48]\nseeds = "3..4,9"\nsteps = 7\n[settings]\nbatch = 5\n'
        '[variants.plain]\n[variants.paper]\npreset = "classic"\nbatch = 6\n'
    )
    assert [cell.name for cell in found] == [
        f"{task}-{variant}-{size}"
        for task in ("badd", "bmul-mul")
        for variant in ("plain", "paper")
        for size in (24, 48)
    ]
    assert {cell.seeds for cell in found} == {(3, 4, 9)}
    plain, paper = found[0].config, found[2].config
    assert (plain.batch, plain.preset, paper.batch, paper.preset) == (5, "fast", 6, "classic")
    single = [{"batch": 5}, {"model": {"channels": 24}}]
    assert plain == chosen_config("badd", "fast", {}, single, (3,), 7)
    assert found[4].config.curriculum_text == "bmul > mul"


def test_without_variants_and_sizes_there_is_the_preset() -> None:
    [cell] = cells('tasks = ["bmul"]')
    assert (cell.name, cell.seeds) == ("bmul-fast-96", (0,))


def test_what_is_asked_fits_the_task() -> None:
    def asked(evaluate: str, task: str = "badd") -> list[tuple[str, int]]:
        [cell] = cells(f'tasks = ["{task}"]\n[evaluate]\n{evaluate}')
        return [(question.suite.name, question.length) for question in cell.questions]

    assert asked("lengths = [9, 10]") == [("random", 9)]
    assert asked("carries = [3]") == [("carry", 9)]
    assert asked("lengths = [9]\ncarries = [3]", "bmul") == [("random", 9)]
    assert asked('suites = ["carry"]')[0] == ("carry", 13)
    assert {suite for suite, _ in asked("")} == {"random", "carry"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The setting 'tasks' is missing"),
        ("tasks = []", "tasks is empty"),
        ('tasks = "badd"', "tasks must be a list of texts"),
        ('tasks = ["bad"]', "bad, fast: There is no task 'bad'. Did you mean 'badd'?"),
        ('tasks = ["badd"]\nchanels = [4]', "There is no setting 'chanels'. Did you mean 'channels'?"),
        ('tasks = ["badd"]\npreset = "classik"', "There is no preset 'classik'. Did you mean 'classic'?"),
        ('tasks = ["badd"]\nchannels = [2]', "badd, fast, 2 channels: model.channels must lie between"),
        ('tasks = ["badd"]\nseeds = "0-3"', "--seeds takes a number"),
        ('tasks = ["badd"]\nseeds = "0..3,2"', "seeds names one twice"),
        ('tasks = ["badd"]\nseeds = 1.5', "seeds must be text"),
        ('tasks = ["badd", "badd"]', "Two parts of the grid are named badd-fast-48"),
        ('tasks = ["badd"]\n[settings]\nmodel.chanels = 4', "Did you mean 'model.channels'?"),
        ('tasks = ["badd"]\n[settings]\nseeds = [1]', "settings.seeds is said by the sweep's own 'seeds'"),
        ('tasks = ["badd"]\nchannels = [4]\n[variants.a]\nmodel.channels = 5', "variants.a.model.channels is said by"),
        ('tasks = ["badd"]\n[variants]\na = 3', "variants.a is a table, got 3"),
        ('tasks = ["badd"]\n[variants."../a"]', "The variant '../a' is to name a directory"),
        ('tasks = ["badd"]\n[settings]\nmodel = 3', "model is a table of settings, got 3"),
        ('tasks = ["badd"]\n[evaluate]\nsuites = ["carri"]', "There is no suite 'carri'. Did you mean 'carry'?"),
        ('tasks = ["bmul"]\n[evaluate]\ncarries = [3]', "bmul, fast: No suite that is asked for fits 'bmul'"),
        ('tasks = ["badd"]\n[evaluate]\nlengths = [2]', "has no inputs of 2 symbols or fewer for 'badd'"),
        ('tasks = ["badd"]\n[evaluate]\ncount = 0', "evaluate.count must lie between 1 and"),
        ('tasks = ["badd"]\n[evaluate]\nlengths = [99999]', "a smaller --length"),
        ('tasks = ["badd"]\n[job]\nmemory = "4"', "job.memory takes a size, such as 4GB or 800MB"),
        ('tasks = ["badd"]\n[job]\ngpus = 65', "job.gpus must lie between -1 and 64"),
        ('tasks = ["badd"]\n[settings]\nbatch = 65536\nmodel.channels = 4096', "One training step takes"),
        (f'tasks = ["badd"]\nseeds = 4096\nchannels = {list(range(3, 40))}', "more than 100000 trainings"),
    ],
)
def test_what_is_not_possible_is_refused_in_a_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        cells(text)
    assert message in str(refused.value)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('tasks = ["badd"]\nstep = 3\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"^.*mine\.toml: There is no setting 'step'\. Did you mean 'steps'\?"):
        read_spec(file)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_examples_are_possible(file: Path) -> None:
    found = grid(read_spec(file)[0])
    trainings = {"sweep": 16, "figure-2": 13 * 7 * 3 * 15, "figure-6": 1121}
    assert sum(len(cell.seeds) for cell in found) == trainings[file.stem]


def test_the_tests_own_spec_is_possible() -> None:
    assert [cell.name for cell in cells(SPEC)] == ["badd-fast-4"]

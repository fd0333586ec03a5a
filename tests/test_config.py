import ast
import inspect
import math
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from neuralgpu.choice import chosen_config
from neuralgpu.config import OptimiserConfig, RunConfig
from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.errors import UserError
from neuralgpu.model.config import ModelConfig
from neuralgpu.settings import merged, parse_setting, preset_names, preset_settings, read_toml, run_config
from neuralgpu.tasks import find_task, task_names

TABLES: dict[str, type] = {
    "": RunConfig,
    "model.": ModelConfig,
    "curriculum.": CurriculumConfig,
    "optimiser.": OptimiserConfig,
}
KINDS = {
    prefix + name: kind
    for prefix, table in TABLES.items()
    for name, kind in get_type_hints(table).items()
    if not is_dataclass(kind)
}
NUMERIC = [key for key, kind in KINDS.items() if kind in (int, float, tuple[int, ...])]


def built(*settings: str | dict[str, Any]) -> RunConfig:
    parsed = [parse_setting(setting) if isinstance(setting, str) else setting for setting in settings]
    return run_config(merged([{"task": "badd"}, *parsed]))


def nested(key: str, value: object) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def refusal(*settings: str | dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        built(*settings)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.__name__)
def test_every_setting_is_described(table: type) -> None:
    body = ast.parse(inspect.getsource(table)).body[0]
    assert isinstance(body, ast.ClassDef)
    described = [
        entry.target.id
        for entry, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(entry, ast.AnnAssign)
        and isinstance(entry.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]
    nested_tables = {"model", "curriculum", "optimiser"}
    assert set(described) == {entry.name for entry in fields(table)} - nested_tables


@pytest.mark.parametrize("key", NUMERIC)
def test_every_number_has_a_range(key: str) -> None:
    values = {int: [-1, 10**12, 10**400], float: [-1.0, 1e30, math.nan, math.inf, -math.inf, 10**400]}
    for value in values.get(KINDS[key], [[-1], [10**12], [0, 10**400]]):
        assert key.split(".")[-1] in refusal(nested(key, value))


def fits(kind: object, value: object) -> bool:
    if isinstance(value, bool):
        return False
    return (kind is float and isinstance(value, int | float)) or (isinstance(kind, type) and isinstance(value, kind))


WRONG: list[object] = [True, "a word", [1.5], [True], {"a": 1}, 1979, 0.1234567]


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, kind in KINDS.items() for value in WRONG if not fits(kind, value)]
)
def test_a_wrong_type_is_refused_by_name(key: str, value: object) -> None:
    assert refusal(nested(key, value)).startswith(f"{key} must be ")


def test_unknown_keys_are_answered_with_the_nearest() -> None:
    assert "Did you mean 'model.channels'? Allowed: model.cell, " in refusal("model.chanels=4")
    assert "There is no setting 'channels'. Did you mean 'model.channels'? Allowed: task, " in refusal("channels=4")
    assert "There is no setting 'model.channels.wide'" not in refusal("model.channels.wide=4")
    assert refusal("model=4") == "model is a table of settings, got 4; set one, such as model.cell."
    assert "There is no setting ''" in refusal({"": 1})


def test_a_missing_task_is_named() -> None:
    with pytest.raises(UserError, match=r"^The setting 'task' is missing; add it\.$"):
        run_config({})


def test_an_unknown_task_is_refused() -> None:
    assert refusal("task=bad").startswith("There is no task 'bad'. Did you mean 'badd'?")


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("model.kernel=4", "must be odd"),
        ("optimiser.movement_weight=0.01", "--set model.movement_limit=0.25"),
        ("model.cell='gru'", "'cgru', 'diagonal'"),
        ("seeds=[]", "at least one"),
        ("seeds=[1, 1]", "different"),
        ("curriculum.buckets=[]", "rising"),
        ("curriculum.buckets=[8, 8]", "rising"),
        ("curriculum.buckets=[9, 8]", "rising"),
        ("curriculum.max_length=500", "add a bucket"),
        ("curriculum.min_length=30", "min_length <= start_length <= max_length"),
        ("steps=1e3", "a whole number"),
        ("model.sigmoid_smooth=0.9", "must be 0 or at least 1"),
        ("model.tanh_smooth=0.1", "must be 0 or at least 1"),
    ],
)
def test_refusals_say_what_is_allowed(setting: str, remedy: str) -> None:
    assert remedy in refusal(setting)


@pytest.mark.parametrize("setting", ["model.stop=bucket", "model.output=sum", "model.batch_norm=masked"])
def test_seeds_that_grow_apart_take_no_model_that_depends_on_the_padding(setting: str) -> None:
    assert "train one seed at a time" in refusal("seeds=[0, 1]", setting)
    assert built("seeds=[0]", setting).seeds == (0,)
    assert built("seeds=[0, 1]", setting, "curriculum.kind=buckets").seeds == (0, 1)


def test_bounds_are_allowed_and_written_plainly() -> None:
    assert built("carry_share=0", "model.dropout=0.95").model.dropout == 0.95
    assert refusal("steps=0") == "steps must lie between 1 and 10000000, got 0."


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("task", task_names())
def test_presets_build_for_every_task(preset: str, task: str) -> None:
    config = chosen_config(task, preset, {}, [], (7, 8), None)
    assert (config.task, config.preset, config.seeds) == (task, preset, (7, 8))
    assert run_config(tomllib.loads(config.to_toml())) == config


def test_classic_is_the_default_of_every_setting() -> None:
    assert run_config({"task": "badd", **preset_settings("classic", "addition")}) == RunConfig(task="badd")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["task=bmul"], "leave 'task' out"),
        (["preset=mine"], "There is no preset 'mine'"),
        (["model.height=1", "task=badde"], "needs 2 rows, model.height is 1; train with --set model.height=2."),
        (["model.vocabulary=11"], "needs 12 symbols, model.vocabulary is 11; train with --set model.vocabulary=12."),
        (['curriculum.tasks=["badd", "add"]'], "ends with 'add', the task is 'badd'; put it last"),
        (['curriculum.tasks=["bad", "badd"]'], "Did you mean 'badd'?"),
        (["curriculum.tasks=[1]"], "curriculum.tasks must be a list of texts, got [1]."),
        (["curriculum.moves=kind5"], "'unsolved_then_last'"),
        (["curriculum.buckets=[1, 25]"], "the bucket 1"),
        (["curriculum.kind=growth", *(f"curriculum.{x}_length=4" for x in ("min", "start", "max"))], "No valid length"),
    ],
)
def test_impossible_training_is_refused_before_it_begins(settings: list[str], message: str) -> None:
    task = "badde" if "task=badde" in settings else "badd"
    with pytest.raises(UserError) as caught:
        chosen_config(task, "fast", {}, map(parse_setting, settings), (0,), None)
    assert message in str(caught.value)


def test_a_chain_makes_room_for_all_of_its_tasks() -> None:
    config = chosen_config(None, "fast", {}, [], (0,), None, "add9 > badde > copy")
    assert (config.task, config.tasks) == ("copy", ("add9", "badde", "copy"))
    assert config.curriculum_text == "add9 > badde > copy"
    assert config.model.height == 2
    assert config.model.vocabulary == find_task("add9").vocabulary > find_task("copy").vocabulary
    assert run_config(tomllib.loads(config.to_toml())) == config
    assert chosen_config("copy", "fast", {}, [], (0,), None, "add9 > badde > copy") == config
    mixed = chosen_config(None, "classic", {}, [], (0,), None, "badd + bmul")
    assert (mixed.task, mixed.curriculum.moves, mixed.curriculum_text) == ("bmul", "mixed", "badd + bmul")
    assert chosen_config("badd", "fast", {}, [], (0,), None).curriculum_text == "badd"


def test_a_model_that_is_told_its_task_has_a_channel_for_each() -> None:
    config = chosen_config(None, "classic", {}, [parse_setting("model.task_channels=4")], (0,), None, "badd + bmul")
    assert config.model.task_channels == 4
    with pytest.raises(UserError, match=r"at least the number of tasks, 2, to tell them apart, or 0; got 1\.$"):
        chosen_config(None, "classic", {}, [parse_setting("model.task_channels=1")], (0,), None, "badd + bmul")


def test_a_chain_is_refused_where_one_of_its_tasks_is_impossible() -> None:
    with pytest.raises(UserError, match=r"^There is no task 'bmull'\. Did you mean 'bmul'\?"):
        chosen_config(None, "fast", {}, [], (0,), None, "bmull > mul")
    with pytest.raises(UserError, match="'3badd' needs"):
        chosen_config(None, "fast", {}, [parse_setting("model.vocabulary=11")], (0,), None, "bcopy > 3badd")


@pytest.mark.parametrize("setting", ["carry_share", "repeat_share"])
def test_only_addition_has_carry_runs_and_repeated_digits(setting: str) -> None:
    with pytest.raises(UserError, match=f"^{setting} is for addition"):
        chosen_config("bmul", "classic", {}, [parse_setting(f"{setting}=0.3")], (0,), None)


def test_options_lie_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("steps = 11\nbatch = 3\n[model]\nchannels = 7\n", encoding="utf-8")
    config = chosen_config("badd", "fast", read_toml(file), [{"batch": 5}], (0,), 12)
    assert (config.steps, config.batch, config.model.channels, config.model.cell) == (12, 5, 7, "diagonal")


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.touch()
    assert chosen_config("badd", "fast", read_toml(file), [], (0,), None) == chosen_config(
        "badd", "fast", {}, [], (0,), None
    )


def test_missing_files_and_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory; give a TOML file"):
        read_toml(tmp_path / "missing.toml")
    with pytest.raises(UserError, match="Is a directory; give a TOML file"):
        read_toml(tmp_path)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
KEYS = st.sampled_from([*KINDS, "model", "curriculum", "optimiser"])


@given(st.lists(st.tuples(KEYS, VALUES), max_size=3))
@hypothesis_settings(deadline=None)
def test_any_value_builds_or_is_refused(settings: list[tuple[str, Any]]) -> None:
    try:
        config = built(*(nested(key, value) for key, value in settings))
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert run_config(tomllib.loads(config.to_toml())) == config

"""Presets, files and single values: how they are read and laid over each other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from neuralgpu.errors import UserError
from neuralgpu.settings import merged, parse_setting, preset_settings, read_toml


def test_single_settings() -> None:
    assert parse_setting("model.channels=48") == {"model": {"channels": 48}}
    assert parse_setting(" a . b = [1, 2] ") != {}
    assert parse_setting("optimiser.name=adam") == {"optimiser": {"name": "adam"}}
    assert parse_setting("optimiser.name='adam'") == {"optimiser": {"name": "adam"}}
    assert parse_setting("task=a=b") == {"task": "a=b"}
    assert parse_setting("steps=") == {"steps": ""}
    for text in ("", "=", "=3", "steps", " = 4"):
        with pytest.raises(UserError, match=r"^--set takes KEY=VALUE, got .*; for example --set model\.channels=48\.$"):
            parse_setting(text)


def test_later_settings_win_and_tables_are_merged() -> None:
    assert merged([{"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"d": 4}]) == {"a": {"b": 1, "c": 3}, "d": 4}
    assert merged([{"a": {"b": 1}}, {"a": 2}]) == {"a": 2}


def test_unknown_preset() -> None:
    with pytest.raises(UserError, match=r"^There is no preset 'fats'\. Did you mean 'fast'\?"):
        preset_settings("fats", "addition")


@pytest.mark.parametrize(("name", "channels"), [("resting", 96), ("steady", 32)])
def test_a_preset_that_names_another_is_laid_over_it(name: str, channels: int) -> None:
    fast, laid = (preset_settings(preset, "addition") for preset in ("fast", name))
    assert (fast["preset"], laid["preset"]) == ("fast", name)
    assert (fast["carry_share"], fast["model"]["noise"]) == (laid["carry_share"], laid["model"]["noise"])
    assert "rounding" not in fast["model"] and laid["model"]["rounding"] == 8
    assert preset_settings(name, "multiplication")["model"]["channels"] == channels


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"steps", b"a = " + b"[" * 20_000, b"steps = " + b"9" * 5_000, b"a = 1\na = 2", b"\x00"],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.toml is not a TOML file: "):
        read_toml(file)


@pytest.mark.parametrize("content", [b"a." * 400_000 + b"b = 1", b"a." * 2000 + b"b = 1", b"#" * 2_000_000])
def test_a_file_that_would_take_minutes_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.toml is larger than any settings file; give a TOML file\.$"):
        read_toml(file)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(UserError, match="larger than any settings file"):
        read_toml(Path("/dev/zero"))


@given(st.binary(max_size=60))
@hypothesis_settings(deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(content)
    try:
        assert isinstance(read_toml(file), dict)
    except UserError as error:
        assert "is not a TOML file" in str(error)


@given(st.text(max_size=30))
@hypothesis_settings(deadline=None)
def test_any_setting_is_parsed_or_refused(text: str) -> None:
    try:
        parsed = parse_setting(text)
    except UserError:
        assert not text.partition("=")[0].strip() or "=" not in text
    else:
        assert len(parsed) == 1

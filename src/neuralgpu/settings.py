"""Where settings come from: presets, files and single values, laid over each other."""

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from neuralgpu.config import RunConfig
from neuralgpu.errors import UserError, nearest_name, shown, unknown_name

_LARGEST_FILE = 1 << 20
"""Bytes; all settings that there are have some thousand."""
_MOST_DOTS = 1000
"""In a line; the time to parse a key with dots grows with more than the square of their number."""


def preset_names() -> list[str]:
    """Returns the names that `--preset` takes."""
    files = (entry.name for entry in resources.files("neuralgpu").joinpath("presets").iterdir())
    return sorted({name.removesuffix(".toml").split("-")[0] for name in files if name.endswith(".toml")})


def preset_settings(name: str, operation: str) -> dict[str, Any]:
    """Reads a preset; where there is one for the task's operation, it is laid over the general one.

    A preset that names another is laid over that one.

    Raises:
        UserError: there is no preset of that name.
    """
    if name not in preset_names():
        raise unknown_name("preset", name, preset_names())
    folder = resources.files("neuralgpu").joinpath("presets")
    files = (folder.joinpath(f"{name}.toml"), folder.joinpath(f"{name}-{operation}.toml"))
    parts = [tomllib.loads(file.read_text("utf-8")) for file in files if file.is_file()]
    below = [preset_settings(part["preset"], operation) for part in parts if "preset" in part]
    return merged([*below, *parts, {"preset": name}])


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a settings file.

    Raises:
        UserError: the file cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE or any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
            raise UserError(f"{path} is larger than any settings file; give a TOML file.")
        return tomllib.loads(data.decode())
    except OSError as error:
        raise UserError(f"Cannot read the settings file {path}: {error.strerror}; give a TOML file.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, a number or nesting beyond Python's limits
        raise UserError(f"{path} is not a TOML file: {error}.") from error


def parse_setting(text: str) -> dict[str, Any]:
    """Turns "model.channels=48" into {"model": {"channels": 48}}.

    Raises:
        UserError: there is no '=' or no key.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set takes KEY=VALUE, got {shown(text)}; for example --set model.channels=48.")
    try:
        parsed = tomllib.loads(f"value = {value.strip()}")["value"]
    except (ValueError, RecursionError):
        parsed = value.strip()
    nested: Any = parsed
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return nested


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Lays settings over each other; later ones win, tables are merged."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            result[key] = merged([below, value]) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def run_config(settings: Mapping[str, Any]) -> RunConfig:
    """Builds checked settings from plain values.

    Raises:
        UserError: a key does not exist or is missing, or a value has the wrong type or is out of range.
    """
    return built(RunConfig, settings)


Built = TypeVar("Built")


def built(kind: type[Built], values: Mapping[str, Any]) -> Built:
    """Builds a dataclass, nested ones included, from plain values.

    Raises:
        UserError: a key does not exist or is missing, or a value has the wrong type; and what the dataclass raises.
    """
    return _build(kind, values, "", kind)


def _keys(kind: type, prefix: str = "") -> Iterator[str]:
    """Yields the full names of all settings."""
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _keys(hint, f"{prefix}{name}.")
        else:
            yield prefix + name


def _meant(key: str, root: type) -> str:
    """Returns the full name where only the table of a setting was left out, else the most similar one."""
    full = [name for name in _keys(root) if name.endswith(f".{key}")]
    return f" Did you mean {full[0]!r}?" if full else nearest_name(key, _keys(root))


def _build(kind: type, values: Mapping[str, Any], prefix: str, root: type) -> Any:
    hints = get_type_hints(kind)
    for key in values:
        if key not in hints:
            allowed = ", ".join(prefix + name for name in hints)
            raise UserError(
                f"There is no setting {shown(prefix + key)}.{_meant(prefix + key, root)} Allowed: {allowed}."
            )
    for entry in fields(kind):
        if entry.name not in values and entry.default is MISSING and entry.default_factory is MISSING:
            raise UserError(f"The setting '{prefix}{entry.name}' is missing; add it.")
    return kind(**{key: _converted(hints[key], value, prefix + key, root) for key, value in values.items()})


def _converted(kind: Any, value: Any, key: str, root: type) -> Any:
    if get_origin(kind) is dict:
        if not isinstance(value, Mapping):
            raise UserError(f"{key} is a table, got {shown(value)}.")
        (_, of_entry) = get_args(kind)
        return {name: _converted(of_entry, entry, f"{key}.{name}", root) for name, entry in value.items()}
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise UserError(
                f"{key} is a table of settings, got {shown(value)}; set one, such as {key}.{fields(kind)[0].name}."
            )
        return _build(kind, value, f"{key}.", root)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UserError(f"{key} must be one of {', '.join(map(repr, get_args(kind)))}, got {shown(value)}.")
        return value
    if get_origin(kind) is tuple:
        (item_kind, _) = get_args(kind)
        if not isinstance(value, list | tuple) or not all(type(item) is item_kind for item in value):
            items = "whole numbers" if item_kind is int else "texts"
            raise UserError(f"{key} must be a list of {items}, got {shown(value)}.")
        return tuple(value)
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 2**1000 else math.inf if value > 0 else -math.inf
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", str: "text"}
        raise UserError(f"{key} must be {names[kind]}, got {shown(value)}.")
    return value

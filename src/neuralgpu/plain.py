"""Plain data, as JSON holds it, turned back into what it was written from."""

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def from_plain(kind: Any, value: Any) -> Any:
    """Returns the value of a type that `dataclasses.asdict` and JSON made plain.

    Args:
        kind: a dataclass, list, tuple of any length, dictionary with texts as keys, union, or simple type; parts, too.
        value: what came.

    Raises:
        ValueError: it is not of that type; a dataclass has all its fields that have no default, and no others.

    >>> from_plain(dict[str, float | None], {"a": 1, "b": None})
    {'a': 1.0, 'b': None}
    """
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        needed = {entry.name for entry in fields(kind) if entry.default is entry.default_factory is MISSING}
        hints = {entry.name: get_type_hints(kind)[entry.name] for entry in fields(kind)}
        if needed <= value.keys() <= hints.keys():
            return kind(**{name: from_plain(hints[name], part) for name, part in value.items()})
    elif origin in (list, tuple) and isinstance(value, list | tuple):
        return origin(from_plain(parts[0], item) for item in value)
    elif origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: from_plain(parts[1], item) for key, item in value.items()}
    elif origin in (Union, UnionType):
        if value is None and type(None) in parts:
            return None
        return from_plain(next(part for part in parts if part is not type(None)), value)
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is kind:
        return value
    raise ValueError(f"{value!r:.60} is not of type {kind}")

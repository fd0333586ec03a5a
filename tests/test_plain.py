import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from neuralgpu.plain import from_plain


@dataclass(frozen=True)
class Inner:
    length: int
    solved: bool = False


@dataclass(frozen=True)
class Outer:
    name: str
    rate: float
    inner: Inner
    history: tuple[float, ...] = ()
    sums: list[list[Inner]] | None = None
    at: int | None = None


def test_what_was_made_plain_comes_back() -> None:
    value = Outer("a", 1e-3, Inner(3, True), (1.5, math.inf), [[Inner(4)], []], 7)
    assert from_plain(Outer, json.loads(json.dumps(asdict(value)))) == value
    assert from_plain(Outer, asdict(value)) == value
    assert from_plain(Outer, {"name": "a", "rate": 2, "inner": {"length": 3}}) == Outer("a", 2.0, Inner(3))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("name", 1),
        ("name", None),
        ("rate", "1"),
        ("rate", True),
        ("rate", None),
        ("inner", 3),
        ("inner", {}),
        ("inner", {"length": 3.0}),
        ("inner", {"length": True}),
        ("inner", {"length": 3, "more": 1}),
        ("inner", {"length": 3, "solved": 1}),
        ("history", 1.5),
        ("history", {"0": 1.5}),
        ("history", ["1.5"]),
        ("sums", [{"length": 3}]),
        ("at", 1.5),
        ("more", 1),
    ],
)
def test_another_type_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match="is not of type"):
        from_plain(Outer, {**asdict(Outer("a", 1.0, Inner(3))), name: wrong})


def test_a_dictionary_has_texts_as_keys() -> None:
    assert from_plain(dict[str, int], {"3": 4}) == {"3": 4}
    for wrong in ({3: 4}, {"3": "4"}, []):
        with pytest.raises(ValueError, match="is not of type"):
            from_plain(dict[str, int], wrong)

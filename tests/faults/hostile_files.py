"""What is drawn to harm a reader of checkpoints, settings and logs."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from hypothesis import strategies as st

from neuralgpu.config import RunConfig
from neuralgpu.curriculum import CurriculumState, TaskState
from neuralgpu.training.controls import Controls
from neuralgpu.training.standing import EpochSums, Standing

CONFIG = RunConfig(task="badd")
CONTROLS = Controls(CurriculumState((TaskState(8),)), 0.1, 0.1, 0.1, history=(1.5, 2.5))
STANDING = json.loads(json.dumps(asdict(Standing(4, [CONTROLS], [[EpochSums(count=2)]], [0], {"0": 3}))))

NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), True, None, "4", 1.5, -0.0]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e400, [], {}, [[]]]),
)
NAMES = st.one_of(
    st.sampled_from(["step", "..", "../../escaped", "/etc/passwd", "\0", "", "__metadata__", "a" * 70_000, "\ud800"]),
    st.text(max_size=4),
)
PLAIN = st.recursive(
    NUMBERS | NAMES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
DEEP = st.sampled_from(["[", '{"a":', '[{"a":', "1,", "9", '"', "\\u"]).flatmap(
    lambda text: st.sampled_from([10, 1_000, 200_000]).map(lambda times: text * times)
)


def with_twins(names: list[str], values: list[Any]) -> str:
    """Writes an object in which keys may occur more than once."""
    return (
        "{"
        + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in zip(names, values, strict=False))
        + "}"
    )


TWINS = st.builds(with_twins, st.lists(NAMES, max_size=3), st.lists(PLAIN, min_size=3, max_size=3))
JSON_TEXT = st.one_of(PLAIN.map(json.dumps), DEEP, TWINS).map(lambda text: text.encode("utf-8", "surrogatepass"))
BYTES = JSON_TEXT | st.binary(max_size=80)


def changed(whole: Any) -> st.SearchStrategy[Any]:
    """Draws what becomes of plain data when something in it is replaced, removed or added."""

    def change(draw: Callable[..., Any], value: Any) -> Any:
        if not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
            return draw(PLAIN)
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        result = value.copy()
        match draw(st.sampled_from(["inside", "inside", "without", "more"])):
            case "inside":
                result[key] = change(draw, value[key])
            case "without":
                del result[key]
            case _ if isinstance(result, dict):
                result[draw(NAMES)] = draw(PLAIN)
            case _:
                result.append(value[key])
        return result

    return st.composite(change)(whole)


ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "F8_E4M3", "F4", "C64", "BOOL", "I64", "f32", ""]) | NUMBERS,
        "shape": st.lists(NUMBERS, max_size=4) | NUMBERS,
        "data_offsets": st.lists(NUMBERS, max_size=3) | NUMBERS,
    }
)
SIZED = st.integers(0, 8).flatmap(
    lambda count: st.integers(0, 3).map(
        lambda start: {"dtype": "F32", "shape": [count], "data_offsets": [4 * start, 4 * start + 4 * count]}
    )
)
"""Entries that are right by themselves; several of them overlap or leave holes."""
HEADERS = st.one_of(st.dictionaries(NAMES, ENTRY | SIZED | PLAIN, max_size=4).map(json.dumps), DEEP, TWINS)


def array_file(header: str, length: int | None, body: bytes) -> bytes:
    text = header.encode("utf-8", "surrogatepass")
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


ARRAYS = st.one_of(
    st.builds(
        array_file,
        HEADERS,
        st.sampled_from([None, None, None, None, 0, 1, 7, 2**20, 2**31, 2**40, 2**63, 2**64 - 1]),
        st.sampled_from([0, 4, 8, 12, 32, 44, 4096]).map(bytes),
    ),
    st.binary(max_size=40),
)
TOML = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from([*asdict(CONFIG), "model.channels", "x", '""']), PLAIN, max_size=4).map(
        lambda table: "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()).encode(
            "utf-8", "surrogatepass"
        )
    ),
    st.tuples(
        st.sampled_from(["a=[", "a={b=", "a.", "[a.", "[[a]]\n", "x=9", "x='"]), st.sampled_from([3, 3_000, 300_000])
    ).map(lambda parts: (parts[0] * parts[1]).encode()),
    st.sampled_from(["model", "curriculum", "seeds", "task", "steps"]).flatmap(
        lambda key: PLAIN.map(
            lambda value: (CONFIG.to_toml() + f"\n[{key}]\nx = {json.dumps(value)}\n").encode("utf-8", "surrogatepass")
        )
    ),
)
EVENT = {
    "event": "progress",
    "step": 2,
    "time": 1.5,
    "seed": 0,
    "length": 8,
    "loss": 0.5,
    "sequence_error": 0.5,
    "seconds": 1.5,
}
LINES = st.lists(BYTES | changed(EVENT).map(lambda record: json.dumps(record).encode()), max_size=4).map(b"\n".join)
STANDINGS = changed(STANDING).map(lambda state: json.dumps(state).encode())

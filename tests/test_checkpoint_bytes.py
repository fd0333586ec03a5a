"""Checkpoints whose manifest vouches for any bytes, and manifests that are any bytes: they load, or are damaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralgpu.checkpoint import Checkpoint, load_latest, save
from neuralgpu.errors import DamagedRunError
from neuralgpu.manifest import write_folder


def signed(folder: Path, payloads: dict[str, bytes]) -> None:
    """Writes files under a manifest that vouches for them, as only a program could that means harm."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    write_folder(folder, {name: [data] for name, data in payloads.items()})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("step"), inner),
    max_leaves=5,
)
TEXTS = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
HEADERS = st.dictionaries(
    st.text(max_size=3),
    st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["F32", "BF16", "F8_E4M3", "C64", "X"]),
            "shape": st.lists(st.integers(-1, 3), max_size=2),
            "data_offsets": st.lists(st.integers(-1, 40), min_size=1, max_size=3),
        }
    ),
    max_size=2,
).map(lambda header: json.dumps(header).encode())
TENSORS = st.binary(max_size=60) | st.tuples(HEADERS, st.binary(max_size=36)).map(
    lambda parts: len(parts[0]).to_bytes(8, "little") + parts[0] + parts[1]
)


@given(arrays=TENSORS, state=st.just(b'{"step": 3}') | TEXTS)
@settings(deadline=None)
def test_any_vouched_bytes_load_or_are_damaged(
    tmp_path_factory: pytest.TempPathFactory, arrays: bytes, state: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "vouched"
    signed(folder / "00000003", {"arrays.safetensors": arrays, "state.json": state})
    try:
        checkpoint, _ = load_latest(folder)
    except DamagedRunError:
        return
    assert checkpoint.step == 3


@given(manifest=TEXTS)
@settings(deadline=None, max_examples=50)
def test_any_manifest_is_damaged(tmp_path_factory: pytest.TempPathFactory, manifest: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "manifest"
    if not folder.exists():
        save(folder, Checkpoint(2, {"count": np.array(7, np.uint32)}, {}))
    (folder / "00000002" / "manifest.json").write_bytes(manifest)
    with pytest.raises(DamagedRunError):
        load_latest(folder)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"step": ' * 100_000])
def test_json_nested_without_end_is_damage(tmp_path: Path, text: bytes) -> None:
    arrays = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"
    signed(tmp_path / "00000003", {"arrays.safetensors": arrays, "state.json": text})
    with pytest.raises(DamagedRunError, match=r"state\.json is damaged: it is not JSON"):
        load_latest(tmp_path)
    (tmp_path / "00000003" / "manifest.json").write_bytes(text)
    with pytest.raises(DamagedRunError, match=r"manifest\.json "):
        load_latest(tmp_path)

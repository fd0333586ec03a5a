"""Named arrays in a safetensors file, written without a second copy of them in memory."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import safetensors

from neuralgpu.errors import DamagedRunError

LARGEST_HEADER = 1 << 20
"""Bytes; an array's entry has some hundred. The library parses a hundred times as much."""
_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_CODES = {np.dtype(kind): code for code, kind in _TYPES.items()}


def array_blocks(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """Yields what a file holds that `load_arrays` reads; the largest items come first, so that all are aligned."""
    ordered = sorted(arrays.items(), key=lambda entry: (-entry[1].dtype.itemsize, entry[0]))
    entries, end = {}, 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        code = _CODES[array.dtype.newbyteorder("=")]
        entries[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    yield len(header).to_bytes(8, "little") + header
    for _, array in ordered:
        if array.size:
            flat = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
            yield flat.view(np.uint8).data


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a file.

    Raises:
        OSError: the file cannot be read.
        DamagedRunError: it holds something else.
    """
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > LARGEST_HEADER:
        raise DamagedRunError(f"{path} does not hold arrays: its header has {header:,} bytes.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedRunError(f"{path} does not hold arrays: {error}.") from error

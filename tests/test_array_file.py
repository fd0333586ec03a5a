import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from neuralgpu.array_file import LARGEST_HEADER, array_blocks, load_arrays
from neuralgpu.disk import sum_of, write_file
from neuralgpu.errors import DamagedRunError

KINDS = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
ARRAYS = {
    **{f"a {kind}": np.arange(-3, 3).astype(kind).reshape(2, 3) for kind in KINDS},
    "scalar": np.array(np.nan, np.float32),
    "empty": np.zeros((0, 4), np.int16),
    "": np.array([True]),
}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        array.dtype == second[name].dtype
        and array.shape == second[name].shape
        and array.tobytes() == second[name].tobytes()
        for name, array in first.items()
    )


def test_the_library_reads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    write_file(tmp_path / "ours", array_blocks(ARRAYS))
    safetensors.numpy.save_file(ARRAYS, tmp_path / "theirs")
    assert same(safetensors.numpy.load_file(tmp_path / "ours"), ARRAYS)
    assert same(load_arrays(tmp_path / "ours"), ARRAYS)
    assert same(load_arrays(tmp_path / "theirs"), ARRAYS)


def test_arrays_of_other_layouts_are_written_by_their_values(tmp_path: Path) -> None:
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    given = {"turned": grid.T, "part": grid[::2, 1:3], "big end first": grid.astype(">f4")}
    write_file(tmp_path / "file", array_blocks(given))
    loaded = load_arrays(tmp_path / "file")
    for name, array in given.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == np.float32


def test_writing_and_summing_need_no_second_copy(tmp_path: Path) -> None:
    arrays = {str(number): np.zeros(4_000_000, np.float32) for number in range(4)}
    tracemalloc.start()
    written = write_file(tmp_path / "file", array_blocks(arrays))
    assert sum_of(tmp_path / "file") == written
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written.bytes > 64e6
    assert most < 4e6


def test_what_holds_no_arrays_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content in (b"", b"\x02\0\0\0\0\0\0\0[]", (LARGEST_HEADER + 1).to_bytes(8, "little"), b"\xff" * 40):
        file.write_bytes(content)
        with pytest.raises(DamagedRunError, match=r"file does not hold arrays: "):
            load_arrays(file)

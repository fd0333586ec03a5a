import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralgpu import checkpoint as checkpoints
from neuralgpu.checkpoint import Checkpoint, examine, load_latest, prune, save
from neuralgpu.errors import DamagedRunError, StorageError

FILES = ("arrays.safetensors", "state.json", "manifest.json")
ARRAYS = {
    ".model.readout": np.array([[1.5, -0.0], [np.inf, 1e-45]], np.float32),
    ".moments[0]": np.arange(6, dtype=np.int32).reshape(1, 2, 3),
    "count": np.array(7, np.uint32),
    "empty": np.zeros((0, 3), np.float32),
}


def at_step(step: int) -> Checkpoint:
    return Checkpoint(step, ARRAYS, {"seconds": 0.1 + 0.2, "controls": [{"length": step}]})


def same(first: Checkpoint, second: Checkpoint) -> bool:
    assert first.arrays.keys() == second.arrays.keys()
    return (first.step, first.state) == (second.step, second.state) and all(
        array.dtype == second.arrays[name].dtype
        and array.shape == second.arrays[name].shape
        and array.tobytes() == second.arrays[name].tobytes()
        for name, array in first.arrays.items()
    )


def loads(folder: Path) -> tuple[int, list[str]]:
    checkpoint, warnings = load_latest(folder)
    assert same(checkpoint, at_step(checkpoint.step))
    return checkpoint.step, warnings


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with the checkpoints of steps 2 and 4."""
    save(tmp_path, at_step(2))
    save(tmp_path, at_step(4))
    return tmp_path


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    written = save(tmp_path / "new" / "checkpoints", at_step(2))
    assert names(written) == sorted(FILES)
    assert loads(written.parent) == (2, [])


def test_the_newest_two_are_kept(two: Path) -> None:
    save(two, at_step(6))
    save(two, at_step(100_000_000))
    assert names(two) == ["00000006", "100000000"]
    assert loads(two) == (100_000_000, [])


@pytest.mark.parametrize("damaged", [False, True])
def test_saving_a_step_again_replaces_it(two: Path, damaged: bool) -> None:
    if damaged:
        damage(two / "00000004")
    save(two, Checkpoint(4, ARRAYS, {"again": True}))
    assert names(two) == ["00000002", "00000004"]
    assert load_latest(two)[0].state == {"again": True}


def test_a_run_that_was_set_back_saves_over_the_damaged_ones(two: Path) -> None:
    save(two, at_step(6))
    damage(two / "00000006")
    save(two, at_step(5))
    assert names(two) == ["00000004", "00000005"]
    assert loads(two) == (5, [])


def test_the_two_that_are_kept_are_whole(two: Path) -> None:
    damage(two / "00000004")
    save(two, at_step(6))
    assert names(two) == ["00000002", "00000006"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damage(folder: Path) -> None:
    (folder / "state.json").write_text("{}", encoding="utf-8")


def flip(data: bytes, position: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "first bit": lambda data: flip(data, 0),
    "middle bit": lambda data: flip(data, len(data) // 2, 4),
    "last bit": lambda data: flip(data, -1, 7),
    "truncated": lambda data: data[:-1],
    "emptied": lambda data: b"",
    "appended": lambda data: data + b"x",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_the_older_checkpoint_used(two: Path, name: str, damage: str) -> None:
    file = two / "00000004" / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    step, [warning] = loads(two)
    assert step == 2
    assert warning.startswith(f"{file} is damaged: ")
    assert warning.endswith(" Using the checkpoint of step 2.")


@pytest.mark.parametrize("name", FILES)
def test_a_deleted_file_is_named_and_the_older_checkpoint_used(two: Path, name: str) -> None:
    (two / "00000004" / name).unlink()
    step, [warning] = loads(two)
    assert step == 2
    assert warning.startswith(f"{two / '00000004' / name} cannot be read: No such file or directory.")


@pytest.mark.parametrize("name", FILES)
def test_no_single_bit_goes_unnoticed(two: Path, name: str) -> None:
    file = two / "00000004" / name
    whole = file.read_bytes()
    for position in range(len(whole)):
        file.write_bytes(flip(whole, position, position % 8))
        step, [warning] = loads(two)
        assert (step, warning.startswith(f"{file} is damaged: ")) == (2, True), position
    file.write_bytes(whole)
    assert loads(two) == (4, [])


def test_a_checkpoint_under_another_steps_name_is_not_loaded(two: Path) -> None:
    shutil.copytree(two / "00000002", two / "00000006")
    step, [warning] = loads(two)
    assert step == 4
    assert "state.json is damaged: it is not of step 6" in warning


@pytest.mark.parametrize("name", FILES)
def test_where_all_are_damaged_the_run_is(two: Path, name: str) -> None:
    for folder in two.iterdir():
        (folder / name).write_bytes(b"")
    with pytest.raises(DamagedRunError, match=r"No whole checkpoint is left; train again with --force\.$") as caught:
        load_latest(two)
    assert caught.value.exit_code == 3
    assert all(str(two / step / name) in str(caught.value) for step in ("00000002", "00000004"))


def test_a_run_without_a_checkpoint(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DamagedRunError, match=r"holds no checkpoint; .* Train again with --force\.$"):
            load_latest(folder)


def test_a_partial_directory_is_no_checkpoint(two: Path) -> None:
    (two / "00000004").rename(two / ".00000004.partial")
    assert loads(two) == (2, [])
    save(two, at_step(6))
    assert names(two) == ["00000002", "00000006"]


STRANGE: dict[str, Callable[[Path], None]] = {
    "link": lambda path: path.symlink_to(path.parent.parent / "00000002" / path.name),
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_no_plain_file_is_named_and_not_read(two: Path, name: str, strange: str) -> None:
    file = two / "00000004" / name
    file.unlink()
    STRANGE[strange](file)
    step, [warning] = loads(two)
    assert step == 2
    assert warning.startswith(str(file))


def test_a_file_too_many_is_named(two: Path) -> None:
    (two / "00000004" / "model.bin").touch()
    step, [warning] = loads(two)
    assert step == 2
    assert warning.startswith(f"{two / '00000004' / 'model.bin'} is damaged: it is no part of what was written.")


def test_files_that_systems_leave_in_folders_do_no_harm(two: Path) -> None:
    for folder in (two, two / "00000004"):
        (folder / ".DS_Store").touch()
    for name in ("notes.txt", "0004", "²" * 8, "000000006"):
        (two / name).touch()
    assert loads(two) == (4, [])
    save(two, at_step(6))
    assert loads(two) == (6, [])


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_checkpoint_is_a_folder(two: Path, kind: str) -> None:
    if kind == "link":
        (two / "00000006").symlink_to(two / "00000004")
    else:
        (two / "00000006").touch()
    step, [warning] = loads(two)
    assert step == 4
    assert warning.startswith(f"{two / '00000006'} cannot be read: ")


def test_one_that_is_removed_while_it_is_read_is_no_damage(monkeypatch: pytest.MonkeyPatch, two: Path) -> None:
    read = checkpoints.load_arrays

    def late(path: Path) -> dict[str, np.ndarray]:
        if path.parent.name == "00000004":  # meanwhile the run that is being trained has gone on
            save(two, at_step(6))
            save(two, at_step(8))
        return read(path)

    monkeypatch.setattr(checkpoints, "load_arrays", late)
    assert loads(two) == (8, [])


def test_a_look_at_all_of_them(two: Path) -> None:
    before = time.time()
    save(two, at_step(6))
    damage(two / "00000006")
    whole, damaged = examine(two)
    assert (whole.step, whole.path, whole.damage) == (4, two / "00000004", None)
    assert whole.state == at_step(4).state
    assert whole.bytes == sum((whole.path / name).stat().st_size for name in FILES)
    assert before - 60 < whole.saved < time.time() + 1
    assert (damaged.step, damaged.state) == (6, {})
    assert str(damaged.damage).startswith(f"{two / '00000006' / 'state.json'} is damaged")
    assert examine(two / "missing") == []


@pytest.mark.parametrize(("keep", "kept"), [(1, ["00000004"]), (2, ["00000002", "00000004"]), (9, None)])
def test_pruning_keeps_the_newest_whole_ones(two: Path, keep: int, kept: list[str] | None) -> None:
    shutil.copytree(save(two.parent / "other", at_step(1)), two / "00000001")
    shutil.copytree(two / "00000004", two / "00000006")  # which is not its step: damaged
    for leftover in (".00000008.partial", ".00000003.removed", ".00000004.replaced"):
        (two / leftover).mkdir()
        (two / leftover / "state.json").write_text("{}", encoding="utf-8")
    occupied = sum(path.stat().st_size for path in two.rglob("*.[js]*"))
    removed, freed = prune(two, keep)
    assert names(two) == (kept or ["00000001", "00000002", "00000004"])
    assert freed == occupied - sum(path.stat().st_size for path in two.rglob("*.[js]*"))
    assert [finding.path.name for finding in removed] == sorted({"00000001", "00000002", "00000006"} - {*names(two)})
    assert loads(two) == (4, [])


def test_pruning_leaves_all_where_none_is_whole(two: Path) -> None:
    damage(two / "00000002")
    damage(two / "00000004")
    with pytest.raises(DamagedRunError, match=r"holds no whole checkpoint; nothing was removed\."):
        prune(two)
    assert names(two) == ["00000002", "00000004"]


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        StorageError, match=r"Not a directory \(44 B needed, .* free\); earlier .* use --resume\.$"
    ) as caught:
        save(tmp_path / "file" / "checkpoints", at_step(2))
    assert caught.value.exit_code == 4


def test_a_full_disk_leaves_the_older_checkpoints(monkeypatch: pytest.MonkeyPatch, two: Path) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=r"No space left on device \(44 B needed, .* free\)"):
        save(two, at_step(6))
    assert loads(two) == (4, [])

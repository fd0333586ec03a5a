import os
from hashlib import sha256
from pathlib import Path

import pytest

from neuralgpu.disk import Sum, make_folder, read_file, replace_file, sum_of, write_file


def test_what_is_written_is_what_its_sum_says(tmp_path: Path) -> None:
    blocks = [b"", b"abc", memoryview(bytes(3_000_000)), b"end"]
    data = b"".join(map(bytes, blocks))
    wanted = Sum(len(data), sha256(data).hexdigest())
    assert write_file(tmp_path / "file", blocks) == wanted
    assert sum_of(tmp_path / "file") == wanted
    assert read_file(tmp_path / "file", len(data)) == data


def test_a_disk_that_takes_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
    write_file(tmp_path / "file", [b"0123456789" * 5, b"x"])
    assert (tmp_path / "file").read_bytes() == b"0123456789" * 5 + b"x"


def test_a_file_is_replaced_as_a_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    replace_file(file, b"old")
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"

    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        replace_file(file, b"newer")
    assert file.read_bytes() == b"new"


def test_folders_are_made_with_those_above_them(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


@pytest.mark.parametrize("read", [sum_of, lambda path: read_file(path, 100)])
def test_only_plain_files_are_read(tmp_path: Path, read: object) -> None:
    assert callable(read)
    (tmp_path / "plain").write_bytes(b"x" * 100)
    read(tmp_path / "plain")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "endless").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("link", "a link"), ("endless", "a link"), ("pipe", "no plain file"), (".", "no plain file")):
        with pytest.raises(OSError, match=reason):
            read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="it has more than 100 bytes"):
        read_file(tmp_path / "file", 100)

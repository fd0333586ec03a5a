"""A folder that has no room, or cannot be written, is refused with what is needed and what is free."""

import re
import shutil
from pathlib import Path

import pytest

from neuralgpu.errors import StorageError
from neuralgpu.room import check_room


def test_a_folder_is_made_and_left_as_it_was(tmp_path: Path) -> None:
    check_room(tmp_path / "new" / "folder", 1000)
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_what_is_needed_and_what_is_free_is_said(tmp_path: Path) -> None:
    needed = 2 * shutil.disk_usage(tmp_path).total
    message = (
        rf"^Cannot write to {re.escape(str(tmp_path))}: No space left on device \(.+B needed, .+B free\); make room"
    )
    with pytest.raises(StorageError, match=message) as caught:
        check_room(tmp_path, needed)
    assert caught.value.exit_code == 4


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, reason in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "inside", "Not a directory")):
        with pytest.raises(StorageError, match=rf": {reason} \(5 kB needed, .* free\)"):
            check_room(path, 5000)

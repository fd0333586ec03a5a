"""One process at a time holds a run, and a dead one holds nothing."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import neuralgpu
from neuralgpu.errors import BusyRunError, StorageError
from neuralgpu.run_lock import LOCK_FILE, Holder, holder, locked

HOLD = """
import sys
from pathlib import Path
from neuralgpu.run_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(run: Path) -> Iterator[subprocess.Popen[str]]:
    """Lets another process hold the run."""
    environment = {**os.environ, "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1])}
    command = [sys.executable, "-c", HOLD, str(run)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_holder_is_named_and_gone_when_it_lets_go(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "new"
    assert holder(run) is None
    with locked(run):
        found = holder(run)
        assert found is not None
        assert (found.pid, found.host) == (os.getpid(), socket.gethostname())
        assert abs(found.since - time.time()) < 60
    assert holder(run) is None
    with pytest.raises(RuntimeError), locked(run):
        raise RuntimeError
    assert holder(run) is None
    assert (run / LOCK_FILE).read_bytes() == b""


def test_a_second_process_is_refused_and_told_whom_to_stop(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as process:
        expected = (
            f"{tmp_path} is being trained by process {process.pid} on {socket.gethostname()} since "
            r"\d\d:\d\d; wait for it, or stop it with: kill "
            f"{process.pid}."
        )
        with pytest.raises(BusyRunError, match=f"^{expected}$") as caught, locked(tmp_path):
            pass
        assert caught.value.exit_code == 5
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == process.pid, "who was refused has not written over the name"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path, number: int) -> None:
    with held_elsewhere(tmp_path) as process:
        process.send_signal(number)
        process.wait()
        assert (tmp_path / LOCK_FILE).read_text(encoding="utf-8"), "its name is still there"
        assert holder(tmp_path) is None
        with locked(tmp_path):
            found = holder(tmp_path)
            assert found is not None
            assert found.pid == os.getpid()


def test_looking_who_holds_a_run_keeps_nobody_from_it(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            holder(tmp_path)

    with locked(tmp_path):
        pass
    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(300):
            with locked(tmp_path):
                pass
    finally:
        done.set()
        thread.join()


def test_a_lock_of_who_does_not_say(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / LOCK_FILE).write_text("[]", encoding="utf-8")
        found = holder(tmp_path)
        assert found is not None
        assert found.pid is None
        nameless = r"trained by another process on .* since .*; wait for it\.$"
        with pytest.raises(BusyRunError, match=nameless), locked(tmp_path):
            pass


def test_an_older_or_distant_holder() -> None:
    distant = Holder(7, "elsewhere", time.time() - 30 * 3600)
    assert re.fullmatch(r"process 7 on elsewhere since \d{4}-\d\d-\d\d \d\d:\d\d", str(distant))
    assert distant.remedy == "wait for it, or stop it on elsewhere with: kill 7"


def test_a_directory_that_cannot_be_made_or_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "run" / LOCK_FILE).mkdir(parents=True)
    for path, reason in (("file", "File exists"), ("file/run", "Not a directory"), ("run", "Is a directory")):
        expected = rf"^Cannot write to .*{path}: {reason}; choose another directory\.$"
        with pytest.raises(StorageError, match=expected), locked(tmp_path / path):
            pass

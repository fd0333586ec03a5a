"""The process that speaks with Ray, see `driver`, from the side of the one that shows how the sweep stands."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from neuralgpu.cluster.connection import check_address
from neuralgpu.cluster.packing import Machine
from neuralgpu.errors import UserError

_SECONDS_TO_LEAVE = 30.0
"""That the process has to end once nobody listens to it any more."""
_SECONDS_BETWEEN_MESSAGES = 0.5


class DriverProcess:
    """A driver in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        """Takes over a process that has just been started."""
        self._process, self._log = process, log
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def machines(self) -> list[Machine]:
        """Waits until the driver is connected and returns what there is to pack jobs for.

        Raises:
            UserError: it cannot connect; the message says why.
        """
        message = next(message for message in self.messages() if message is not None)
        if "machines" not in message:
            raise UserError(message["end"])
        return [Machine(**machine) for machine in message["machines"]]

    def tell(self, message: Mapping[str, Any]) -> None:
        """Tells the driver something; one that has died is told nothing."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any] | None]:
        """Yields what the driver says, and None where it has said nothing for a moment; "end" is the last.

        Raises:
            UserError: the driver refuses what it was told; the message says why.
        """
        while True:
            try:
                message = self._said.get(timeout=_SECONDS_BETWEEN_MESSAGES)
            except queue.Empty:
                yield None
                continue
            message = message or {"end": f"Ray ended before the sweep did; {self._log} says more."}
            if "refused" in message:
                raise UserError(message["refused"])
            yield message
            if "end" in message:
                return

    def leave(self) -> None:
        """Ends the driver, which stops what runs if there is anything left."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._said.put(json.loads(line))
        self._said.put(None)


@contextmanager
def driver_process(address: str | None, log: Path) -> Iterator[DriverProcess]:
    """Starts a driver, which ends with the context.

    Args:
        address: of the cluster; None for one on this machine.
        log: what Ray prints is appended to it.

    Raises:
        UserError: nobody answers at the address.
    """
    if address is not None:
        check_address(address)
    command = [sys.executable, "-m", "neuralgpu.cluster.driver", *([address] if address else [])]
    with log.open("ab") as file:
        # A session of its own: Ctrl-C reaches it through us, when the running jobs are to be saved.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True, start_new_session=True
        )
    driver = DriverProcess(process, log)
    try:
        yield driver
    finally:
        driver.leave()

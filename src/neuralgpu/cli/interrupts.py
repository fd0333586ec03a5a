"""Ctrl-C and SIGTERM: finish the step and save; a second one leaves at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class StopRequest:
    """Whether the user or the system asked to stop, and by which signal."""

    def __init__(self) -> None:
        """Begins without a request."""
        self.signal: int | None = None

    def __call__(self) -> bool:
        """Says whether to stop."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or 0)


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turns the first signal into a request and the second into an immediate exit."""
    request = StopRequest()

    def handle(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            os._exit(128 + number)
        request.signal = number
        with suppress(OSError):
            os.write(2, b"\nStopping after this step; once more leaves at once.\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

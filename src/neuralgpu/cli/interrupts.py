"""Ctrl-C and SIGTERM: finish the step and save, or leave without it where it takes long; a second one leaves at once.

A thread listens. Python runs its own handlers between two instructions of the main thread only, and those may lie
minutes apart: to compile is one instruction, and so is a step of a large model.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NamedTuple, NoReturn

from neuralgpu.errors import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 5.0
"""Seconds that a step under way has to end in after a signal; that leaves five of ten for saving."""
_SHOW_CURSOR = b"\x1b[?25h"

Ending = Callable[[], str | None]
"""Brings to safety what there is, in another thread than the main one, and returns what to say; None where the main
thread has come to its own end meanwhile."""


class _Plan(NamedTuple):
    ending: Ending
    patience: float | None


class StopRequest:
    """Whether the user or the system asked to stop, and by which signal."""

    def __init__(self, ending: Ending) -> None:
        """Begins without a request, which `ending` would meet at once."""
        self.signal: int | None = None
        self._plan = _Plan(ending, 0.0)
        self._hears, self.speaks = os.pipe()
        os.set_blocking(self.speaks, False)

    def __call__(self) -> bool:
        """Says whether to stop."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or 0)

    def plan(self, ending: Ending, patience: float | None = 0.0) -> None:
        """Says how the process is to end when so many seconds after a signal it has not ended by itself.

        Without a number of seconds it has to end by itself, however long that takes.
        """
        self._plan = _Plan(ending, patience)
        os.write(self.speaks, b"\0")

    def leave(self) -> NoReturn:
        """Ends the process without waiting for a compilation under way, which nothing can interrupt."""
        sys.stdout.flush()
        sys.stderr.flush()
        _leave(self.exit_code)

    def listen(self) -> None:
        """Meets signals until nobody speaks any more."""
        asked: float | None = None
        ending = False
        while True:
            patience, left = self._plan.patience, None
            if asked is not None and patience is not None and not ending:
                left = max(0.0, asked + patience - time.monotonic())
            if not select.select([self._hears], [], [], left)[0]:
                ending = True
                threading.Thread(target=self._end, args=(self._plan.ending,), daemon=True).start()
                continue
            heard = os.read(self._hears, 1)
            if not heard:
                os.close(self._hears)
                return
            if heard[0] in SIGNALS:
                if asked is not None:
                    _leave(128 + heard[0])
                self.signal, asked = heard[0], time.monotonic()
                if self._plan.patience != 0:
                    _say("Stopping after this step; once more leaves at once.")

    def _end(self, ending: Ending) -> None:
        try:
            said = ending()
        except UserError as error:
            _say(f"neuralgpu: {error}")
            _leave(error.exit_code)
        if said is not None:
            _say(said)
            _leave(self.exit_code)


@contextmanager
def stop_on_signal(ending: Ending) -> Iterator[StopRequest]:
    """Turns the first signal into a request, met as `StopRequest.plan` says, and the second into an exit.

    Until there is another plan, the process ends at once, by `ending`.
    """
    request = StopRequest(ending)

    def handle(number: int, frame: FrameType | None) -> None:
        request.signal = request.signal or number

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    spoken_to = signal.set_wakeup_fd(request.speaks, warn_on_full_buffer=False)
    listener = threading.Thread(target=request.listen, name="signals", daemon=True)
    listener.start()
    try:
        yield request
    finally:
        signal.set_wakeup_fd(spoken_to)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(request.speaks)
        listener.join()


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def _leave(status: int) -> NoReturn:
    if os.isatty(2):
        with suppress(OSError):
            os.write(2, _SHOW_CURSOR)  # which a progress bar has hidden
    os._exit(status)

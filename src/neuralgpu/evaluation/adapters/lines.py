"""One program in a process of its own, which is sent lines and sends lines.

Nothing here blocks: what the program does not take waits in a buffer, and what it writes is taken in whenever it is
waited for, so that neither side waits for the other with its pipes full.
"""

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress

from neuralgpu.evaluation.adapters.answering import NoAnswerError

_BLOCK = 1 << 16
_ERRORS_KEPT = 2000
_LAST_WORDS = 3
_PATIENCE = 0.5
"""Seconds that a program has to end by itself, once its output or its input is closed."""


class LineProgram:
    """A running program, at the head of a session of its own, so that all that it starts can be ended with it."""

    def __init__(self, arguments: list[str], longest: int) -> None:
        """Starts it.

        Args:
            arguments: the program and what it is given.
            longest: most bytes of a line.

        Raises:
            OSError: it cannot be started.
        """
        self._process = subprocess.Popen(
            arguments,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input, self._output, self._errors = self._process.stdin, self._process.stdout, self._process.stderr
        self._longest = longest
        self._to_send = bytearray()
        self._received = bytearray()
        self._complaints = bytearray()
        self._selector = selectors.DefaultSelector()
        for pipe in (self._input, self._output, self._errors):
            os.set_blocking(pipe.fileno(), False)
        for pipe in (self._output, self._errors):
            self._selector.register(pipe, selectors.EVENT_READ)

    def send(self, line: str) -> None:
        """Has a line sent while the next one is waited for."""
        if not self._to_send and not self._input.closed:
            self._selector.register(self._input, selectors.EVENT_WRITE)
        self._to_send += line.encode() + b"\n"

    def holds_line(self) -> bool:
        """Says whether a line has come that nobody has asked for yet."""
        return b"\n" in self._received

    def line(self, deadline: float) -> str | None:
        """Returns the next line, None where there is none at the deadline (in the time of `time.monotonic`).

        Raises:
            NoAnswerError: the program has ended, has closed its output, or writes a line without end.
        """
        while not self.holds_line():
            if len(self._received) > self._longest:
                raise NoAnswerError(f"a line of more than {self._longest:,} bytes")
            left = deadline - time.monotonic()
            for key, _ in self._selector.select(max(0.0, left)):
                if key.fileobj is self._input:
                    self._write()
                elif key.fileobj is self._errors:
                    self._listen()
                else:
                    self._read()
            if left <= 0 and not self.holds_line():
                return None
        line, _, self._received = self._received.partition(b"\n")
        if len(line) > self._longest:
            raise NoAnswerError(f"a line of more than {self._longest:,} bytes")
        return line.decode(errors="replace").strip()

    def _write(self) -> None:
        try:
            del self._to_send[: os.write(self._input.fileno(), self._to_send[:_BLOCK])]
        except BrokenPipeError:  # it reads no more; whether it has ended shows at its output
            self._selector.unregister(self._input)
            self._input.close()
            return
        if not self._to_send:
            self._selector.unregister(self._input)

    def _read(self) -> None:
        block = os.read(self._output.fileno(), _BLOCK)
        self._received += block
        if not block:
            raise NoAnswerError(self._ending())

    def _listen(self) -> None:
        block = os.read(self._errors.fileno(), _BLOCK)
        self._complaints = (self._complaints + block)[-_ERRORS_KEPT:]
        if not block:
            self._selector.unregister(self._errors)

    def _ending(self) -> str:
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "the program closed its output"
        return f"the program ended ({f'exit status {status}' if status >= 0 else f'signal {-status}'})"

    def last_words(self) -> str:
        """Returns the last lines of what it wrote to standard error, in one line; "" where there is nothing."""
        with suppress(BlockingIOError):
            self._complaints = (self._complaints + os.read(self._errors.fileno(), _BLOCK))[-_ERRORS_KEPT:]
        lines = (line.strip() for line in self._complaints.decode(errors="replace").splitlines())
        return " / ".join([line for line in lines if line][-_LAST_WORDS:])

    def end(self, patience: float = _PATIENCE) -> None:
        """Tells it that nothing more will come, and kills it and all that it started a short while later.

        Args:
            patience: seconds that it has to end by itself.
        """
        if self._output.closed:
            return
        try:
            self._selector.close()
            self._input.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        finally:
            # What it started may live on, in its session, where it has itself ended.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._output.close()
            self._errors.close()

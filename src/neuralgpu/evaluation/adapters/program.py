"""A program that reads inputs and writes answers, a line each."""

import shlex
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Literal

from neuralgpu.errors import UserError, shown
from neuralgpu.evaluation.adapters.answering import Account, NoAnswerError
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.lines import LineProgram


class Program(Account):
    """Keeps one process of a program for all inputs, and another one in its place when that fails."""

    kind: Literal["cmd"] = "cmd"

    def __init__(self, name: str, arguments: list[str], limits: Limits) -> None:
        """Starts the program.

        Raises:
            UserError: it cannot be started.
        """
        super().__init__()
        self.name = name
        self._arguments = arguments
        self._limits = limits
        self._restarts = 0
        self._process = self._started()

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """Asks one input after the other; where an answer fails to come, the program is started anew.

        Raises:
            UserError: the program writes lines that it was not asked for, or ends again and again.
        """
        answers: list[str | None] = [None] * len(texts)
        waiting = deque(range(len(texts)))
        self._check_idle()
        while waiting:
            try:
                self._ask(texts, waiting, answers)
            except NoAnswerError as failure:
                answers[waiting.popleft()] = self.none(str(failure))
                self._restart(str(failure))
        return answers

    def close(self) -> None:
        """Ends the program."""
        self._process.end()

    def _ask(self, texts: Sequence[str], waiting: deque[int], answers: list[str | None]) -> None:
        """Fills in answers, and takes from `waiting` what was answered; the first that waits is the next one due."""
        sent = 0
        while waiting:
            # The first input goes alone: a program that dies at once, or writes more than it is asked, shows it there.
            for index in islice(waiting, sent, self._limits.window if self._answered else 1):
                self._process.send(texts[index])
            sent = min(len(waiting), self._limits.window if self._answered else 1)
            seconds = self._limits.program_timeout if self._answered else self._limits.program_start_timeout
            line = self._process.line(time.monotonic() + seconds)
            if line is None:
                raise NoAnswerError(f"no answer in {seconds:g} s")
            answers[waiting.popleft()] = line
            sent -= 1
            self._answered, self._restarts = True, 0
            if not sent and self._process.holds_line():
                raise self._unasked()

    def _check_idle(self) -> None:
        """Looks at what the program did while it was asked nothing; that is no input's fault."""
        try:
            if self._process.line(time.monotonic()) is not None:
                raise self._unasked()
        except NoAnswerError as failure:
            self._restart(str(failure))

    def _unasked(self) -> UserError:
        return UserError(
            f"{self.name} wrote a line that it was not asked for; it has to answer each line with one line, and write "
            "nothing else to standard output."
        )

    def _restart(self, reason: str) -> None:
        words = self._process.last_words()
        self._process.end(patience=0.0)
        if self._restarts == self._limits.restarts:
            said = f"its last words were: {words}" if words else "it said nothing on standard error"
            raise UserError(
                f"{self.name} was restarted {self._restarts} times in a row without an answer ({reason}); {said}"
            )
        self._restarts += 1
        self._process = self._started()

    def _started(self) -> LineProgram:
        self._answered = False
        try:
            return LineProgram(self._arguments, self._limits.longest_answer)
        except OSError as error:
            raise UserError(
                f"{shown(self._arguments[0])} cannot be started ({error.strerror}); give an executable program, by its "
                "path or as found on PATH."
            ) from error


@contextmanager
def open_program(name: str, rest: str, limits: Limits) -> Iterator[Program]:
    """Starts a program, which is ended with all that it started when the context is left, however it is left.

    Args:
        name: what it is called.
        rest: the program and its arguments, as for a shell; none is started.
        limits: how long it may take.

    Raises:
        UserError: it cannot be started.
    """
    try:
        arguments = shlex.split(rest)
    except ValueError as error:
        raise UserError(
            f"{shown(name)} cannot be read ({error}); give 'cmd:PROGRAM ARGS', quoted as for a shell."
        ) from (error)
    if not arguments:
        raise UserError(f"{shown(name)} names no program; give 'cmd:PROGRAM ARGS'.")
    program = Program(name, arguments, limits)
    try:
        yield program
    finally:
        program.close()

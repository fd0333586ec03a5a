"""How the jobs of a sweep stand, as the workers tell it; what is lost with it is told again."""

import time
from collections.abc import Callable
from typing import Any

Report = dict[str, Any]
"""state ("training" or "evaluating"), step, steps, host, attempt."""
_SECONDS_BETWEEN_REPORTS = 1.0


class Board:
    """Keeps the newest report of each job; as a Ray actor it is begun anew where it dies, with nothing on it."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}

    def report(self, job: str, report: Report) -> None:
        """Takes a job's report."""
        self._reports[job] = report

    def reports(self) -> dict[str, Report]:
        """Returns the newest report of every job that has told something."""
        return self._reports


class Reporter:
    """Tells the board how one job stands: at once what is new, and now and then again."""

    def __init__(self, send: Callable[[Report], None], fixed: Report) -> None:
        """Sends nothing yet; `fixed` is part of every report."""
        self._send, self._fixed = send, fixed
        self._state = ""
        self._last = 0.0

    def tell(self, state: str, step: int, steps: int) -> None:
        """Reports, unless the same state was reported a moment ago."""
        now = time.monotonic()
        if state == self._state and now < self._last + _SECONDS_BETWEEN_REPORTS:
            return
        self._state, self._last = state, now
        self._send({**self._fixed, "state": state, "step": step, "steps": steps})

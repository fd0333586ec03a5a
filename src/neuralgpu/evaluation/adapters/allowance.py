"""What may be spent on a chat model: requests a minute, requests in all, and tokens."""

import threading
import time

from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.budget import BudgetSpentError


class Allowance:
    """Counts what the requests of several threads cost, and spaces them evenly."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._interval = 60 / limits.requests_per_minute
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self._requests = 0
        self._tokens = 0

    def turn(self) -> float:
        """Grants one request, and returns the seconds that it has to wait for its turn.

        Raises:
            BudgetSpentError: all that may be spent has been.
        """
        with self._lock:
            if self._tokens >= self._limits.most_tokens:
                raise BudgetSpentError(f"the budget of {self._limits.most_tokens:,} tokens is spent")
            if self._requests >= self._limits.most_requests:
                raise BudgetSpentError(f"the budget of {self._limits.most_requests:,} requests is spent")
            self._requests += 1
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
            return turn - now

    def spend(self, tokens: int) -> None:
        """Counts the tokens of a request that was answered."""
        with self._lock:
            self._tokens += tokens

    @property
    def spent(self) -> dict[str, int]:
        """Requests and tokens so far."""
        with self._lock:
            return {"requests": self._requests, "tokens": self._tokens}

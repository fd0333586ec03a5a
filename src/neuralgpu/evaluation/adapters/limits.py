"""How long and how often a model of somebody else's is asked."""

from dataclasses import dataclass

from neuralgpu.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of time, number and cost; those with an option are checked once, here.

    Raises:
        UserError: a bound is not above zero.
    """

    timeout: float | None = None
    """Seconds that one answer may take; None is 10 for a program and 60 for a chat model."""
    start_timeout: float = 60.0
    """Seconds that a program has for its first answer, in which it starts up; never less than for the others."""
    window: int = 16
    """Inputs that a program is sent ahead of its answers, and that are asked again where it has to be restarted."""
    restarts: int = 5
    """Restarts in a row, without an answer in between, after which a program is given up."""
    longest_answer: int = 1_000_000
    """Most bytes of an answer: a line of a program's, or all that a chat model's server sends for one input."""
    concurrency: int = 4
    """Requests to a chat model that are under way at once."""
    requests_per_minute: float = 600.0
    """Requests to a chat model that are begun in a minute, repeated ones included."""
    most_requests: int = 20_000
    """Requests to a chat model in all, repeated ones included."""
    most_tokens: int = 2_000_000
    """Tokens in all, asked and answered, after which a chat model is asked nothing more."""
    tries: int = 5
    """How often an input is asked where a chat model's server fails."""
    backoff: float = 1.0
    """Seconds between the first two tries; twice as many between the next two, and so on."""
    longest_wait: float = 60.0
    """Most seconds between two tries, whatever the server asks for."""
    failures: int = 8
    """Inputs in a row that a function raises at before it has answered any, or that a server has no reply to at all,
    after which the model is given up."""

    def __post_init__(self) -> None:
        for name in ("timeout", "concurrency", "requests_per_minute", "most_requests", "most_tokens"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"--{name.replace('_', '-')} is {value:g}; give a number above 0.")

    @property
    def program_timeout(self) -> float:
        """Seconds that a program has for an answer."""
        return 10.0 if self.timeout is None else self.timeout

    @property
    def program_start_timeout(self) -> float:
        """Seconds that a program has for its first answer."""
        return max(self.start_timeout, self.program_timeout)

    @property
    def chat_timeout(self) -> float:
        """Seconds that a chat model has for an answer."""
        return 60.0 if self.timeout is None else self.timeout

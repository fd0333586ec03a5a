"""What all adapters have in common: an input may have no answer, and what is counted."""

from collections import Counter
from collections.abc import Mapping


class NoAnswerError(Exception):
    """No answer to one input could be had; the text is the reason, in a few words."""


class Account:
    """Counts the inputs that had no answer, by the reason, and what the answers cost."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @property
    def unanswered(self) -> Mapping[str, int]:
        """Number of inputs without an answer for each reason."""
        return self._counts

    @property
    def spent(self) -> Mapping[str, int]:
        """What the answers cost; nothing unless an adapter counts it."""
        return {}

    def none(self, reason: str) -> None:
        """Counts an input without an answer, and returns what stands in its place."""
        self._counts[reason] += 1

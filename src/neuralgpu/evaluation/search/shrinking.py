"""Shrinks inputs that are answered wrongly until no single reduction is answered wrongly, too."""

from dataclasses import dataclass, field

from neuralgpu.evaluation.search.inquiry import Inquiry
from neuralgpu.evaluation.search.reductions import Level, levels, reduced
from neuralgpu.tasks import Task


@dataclass
class _Shrinking:
    """One input on its way down."""

    text: str
    seed: int | None
    """Who has to go on failing, lest one failure be taken for another's."""
    found_by: str
    left: list[Level] = field(default_factory=list)
    """The levels that are still to be tried, the next one last."""
    smaller: bool = True
    """Whether it has become smaller since the first level was tried."""

    def reductions(self, task: Task) -> list[str]:
        """Returns what to try next, smallest first; all levels come again until none has made it smaller, then none."""
        while self.left or self.smaller:
            if not self.left:
                self.left, self.smaller = levels(self.text)[::-1], False
            if found := reduced(task, self.text, self.left[-1]):
                return found
            self.left.pop()
        return []


class Shrinker:
    """Delta debugging (Zeller & Hildebrandt 2002) on texts, several at a time."""

    def __init__(self, inquiry: Inquiry) -> None:
        """Begins with nothing to shrink."""
        self._inquiry = inquiry
        self._all: list[_Shrinking] = []

    def add(self, text: str, seed: int | None, found_by: str) -> None:
        """Takes in an input that was asked and that one who answers got wrong."""
        self._all.append(_Shrinking(text, seed, found_by))

    def run(self) -> None:
        """Shrinks all that was taken in, as far as it goes.

        Raises:
            BudgetSpentError: it is; the inputs are as small as they have become.
        """
        active = self._all
        while active := self._unlike(active):
            wanted = [(one, found) for one in active if (found := one.reductions(self._inquiry.task))]
            try:
                self._inquiry.ask(text for _, found in wanted for text in found)
            finally:
                for one, found in wanted:
                    self._take(one, found)
            active = [one for one, _ in wanted]

    def found(self) -> dict[str, str]:
        """Returns what the inputs have become, with what found each, in the order in which they were found."""
        return {one.text: one.found_by for one in reversed(self._all)}

    def _take(self, one: _Shrinking, found: list[str]) -> None:
        smaller = next((text for text in found if one.seed in self._inquiry.wrong(text)), None)
        if smaller is None:
            one.left.pop()
        else:
            one.text, one.smaller = smaller, True

    def _unlike(self, active: list[_Shrinking]) -> list[_Shrinking]:
        """Leaves out what has become the same as something else that the same seed fails on."""
        first = {(one.text, one.seed): one for one in reversed(self._all)}
        return [one for one in active if first[one.text, one.seed] is one]

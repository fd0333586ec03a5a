"""Asks for inputs and shrinks those that are answered wrongly, as far as they are worth it."""

from collections import Counter
from collections.abc import Iterable, Mapping

from neuralgpu.evaluation.search.inquiry import Inquiry
from neuralgpu.evaluation.search.kinds import kind_of
from neuralgpu.evaluation.search.shrinking import Shrinker
from neuralgpu.evaluation.search.texts import Size, size_of

_OF_A_KIND = 4
"""Inputs of one kind, as they are met, that are shrunk for one seed; more only where they are smaller."""

_Group = tuple[str, int | None]
"""A kind, and a seed that is wrong."""


class Meeting:
    """What was met so far and is being shrunk."""

    def __init__(self, inquiry: Inquiry) -> None:
        """Begins with nothing."""
        self.inquiry, self.shrinker = inquiry, Shrinker(inquiry)
        self._begun: Counter[_Group] = Counter()
        self._smallest: dict[_Group, Size] = {}

    def meet(self, texts: Mapping[str, str], limit: int | None = None) -> None:
        """Asks for inputs and shrinks wrong ones.

        Args:
            texts: inputs in their normal form, with what found each.
            limit: how many are shrunk at most, of every kind the smallest first.

        Raises:
            BudgetSpentError: it is; what was found is kept, as small as it has become.
        """
        try:
            self.inquiry.ask(texts)
        finally:
            for text, seed in self._worth_shrinking(texts)[:limit]:
                self.shrinker.add(text, seed, texts[text])
        self.shrinker.run()

    def _worth_shrinking(self, texts: Iterable[str]) -> list[tuple[str, int | None]]:
        """Returns wrong inputs, each with one who is wrong: the smallest of every group, then the next ones."""
        task = self.inquiry.task
        wrong = sorted(size_of(task, text) for text in texts if self.inquiry.wrong(text))
        chosen: list[tuple[int, Size, int | None]] = []
        for size in wrong:
            text = size[-1]
            for seed in self.inquiry.wrong(text):
                group = kind_of(task, text).name, seed
                if self._begun[group] < _OF_A_KIND or size < self._smallest[group]:
                    self._smallest[group] = min(size, self._smallest.get(group, size))
                    chosen.append((self._begun[group], size, seed))
                    self._begun[group] += 1
        chosen.sort(key=lambda one: one[:2])
        return [(size[-1], seed) for _, size, seed in chosen]

"""Asks a subject one input after the other, each once, within a budget."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator

from neuralgpu.evaluation.budget import BudgetSpentError
from neuralgpu.evaluation.search.texts import length_of, target_of
from neuralgpu.evaluation.subject import Subject

Watch = Callable[[int, int], None]
"""Told how many inputs were tried and how many of them were answered wrongly by somebody."""

_CELLS_AT_ONCE = 1 << 20
"""Sum of the squares of the lengths that are asked at once, over all who answer; the budget is looked at in between."""


class Inquiry:
    """What a subject has been asked, and who was wrong.

    What is asked depends on the answers alone: the time only cuts it off.
    """

    def __init__(
        self,
        subject: Subject,
        seconds: float,
        most: int | None = None,
        *,
        leave_out: Collection[int] = (),
        watch: Watch = lambda tried, wrong: None,
    ) -> None:
        """Starts the clock.

        Args:
            subject: who is asked.
            seconds: time for all the answers; those under way are waited for.
            most: number of inputs; any when None.
            leave_out: seeds that do not count.
            watch: told how far it is after every batch.
        """
        self.subject, self.task = subject, subject.task
        self.answering = tuple(one for one in subject.answering if one not in leave_out)
        self.tried = 0
        self._ends, self._most, self._watch = time.monotonic() + seconds, most, watch
        self._wrong: dict[str, dict[int | None, str]] = {}
        self._wrong_count = 0

    def ask(self, texts: Iterable[str]) -> list[str]:
        """Returns those of some inputs, which have to be in their normal form, that somebody gets wrong.

        Raises:
            BudgetSpentError: it is; what was asked until then is kept.
        """
        wanted = list(dict.fromkeys(texts))
        for batch in self._batches([text for text in wanted if text not in self._wrong]):
            self._check_time()
            allowed = batch if self._most is None else batch[: self._most - self.tried]
            if allowed:
                self._ask(allowed)
            if len(allowed) < len(batch):
                raise BudgetSpentError
        self._check_time()
        return [text for text in wanted if self._wrong[text]]

    def wrong(self, text: str) -> dict[int | None, str]:
        """Returns the wrong answers to an input that was asked, by who gave them; seeds in their order."""
        return self._wrong.get(text, {})

    def right(self, text: str) -> list[int | None]:
        """Returns who answered an input rightly that was asked."""
        return [one for one in self.answering if one not in self._wrong[text]]

    def _ask(self, batch: list[str]) -> None:
        answers = self.subject.answers(batch)
        for index, text in enumerate(batch):
            target = self.task.plain(target_of(self.task, text))
            self._wrong[text] = {
                one: of_one[index]
                for one, of_one in zip(self.subject.answering, answers, strict=True)
                if one in self.answering and self.task.plain(of_one[index]) != target
            }
            self._wrong_count += bool(self._wrong[text])
        self.tried += len(batch)
        self._watch(self.tried, self._wrong_count)

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        """Cuts inputs into batches, shorter inputs first."""
        lengths = {text: length_of(self.task, text) for text in texts}
        batch, cells = list[str](), 0
        for text in sorted(texts, key=lengths.__getitem__):
            of_text = lengths[text] ** 2 * len(self.subject.answering)
            if batch and cells + of_text > _CELLS_AT_ONCE:
                yield batch
                batch, cells = [], 0
            batch.append(text)
            cells += of_text
        if batch:
            yield batch

    def _check_time(self) -> None:
        if time.monotonic() >= self._ends:
            raise BudgetSpentError

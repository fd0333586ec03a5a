"""The size of a suite's inputs from which on a model fails, found by bisection for all the seeds of a run at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from neuralgpu.devices import versions
from neuralgpu.evaluation.examination import inputs_at
from neuralgpu.evaluation.score import wrong_answers
from neuralgpu.evaluation.statistics import decided
from neuralgpu.evaluation.subject import Subject
from neuralgpu.evaluation.suites import Suite
from neuralgpu.rows import ThresholdRow

THRESHOLD = 0.5
"""Share of wrong inputs at the threshold (paper, Figure 6)."""
_STREAM = 0x48414C46
_MOST, _LEAST_MOST = 256, 64
"""Inputs of short and of long sizes at most that are asked where the share stays near one half."""
_AT_ONCE = 32


@dataclass(frozen=True)
class Tally:
    """How many inputs of a size were asked, and how many of them each that answers got wrong."""

    count: int
    wrong: Int[np.ndarray, " answering"]
    complete: bool = False
    """Whether there are no other inputs of that size."""


def find_thresholds(
    subject: Subject,
    suite: Suite,
    known: Mapping[int, Tally],
    longest: int,
    seed: int,
    watch: Callable[[int, int], None],
) -> list[ThresholdRow]:
    """Finds, for each that answers, the smallest size at which at least half of the inputs are wrong.

    A size between the smallest that fails and the largest below it that does not is tried until there is none left.
    These two have then been asked until their 95% intervals exclude one half, or often enough. Sizes beyond one that
    fails are not looked at: error is taken to grow with size.

    Args:
        subject: what is examined.
        suite: where the inputs come from.
        known: sizes that were tried before.
        longest: no input is longer.
        seed: decides the inputs.
        watch: told a size and how many of its inputs are done.
    """
    return _Bisection(subject, suite, dict(known), longest, seed, watch).rows()


class _Bisection:
    def __init__(
        self,
        subject: Subject,
        suite: Suite,
        tallies: dict[int, Tally],
        longest: int,
        seed: int,
        watch: Callable[[int, int], None],
    ) -> None:
        self._subject, self._suite, self._tallies, self._seed, self._watch = subject, suite, tallies, seed, watch
        self._sizes = suite.sizes(subject.task, longest)

    def rows(self) -> list[ThresholdRow]:
        """Bisects, then says what was found."""
        while asked := [size for index in self._each if (size := self._next(index)) is not None]:
            self._ask(max(sorted(set(asked)), key=asked.count))
        return [self._row(index) for index in self._each]

    @property
    def _each(self) -> range:
        return range(len(self._subject.answering))

    def _bracket(self, index: int) -> tuple[int | None, int | None]:
        """Returns the smallest size that fails, and the largest below it that was tried."""
        tried = sorted(self._tallies)
        failing = next((size for size in tried if self._fails(size, index)), None)
        below = max((size for size in tried if failing is None or size < failing), default=None)
        return below, failing

    def _fails(self, size: int, index: int) -> bool:
        return bool(self._tallies[size].wrong[index] >= THRESHOLD * self._tallies[size].count)

    def _settled(self, size: int, index: int) -> bool:
        tally = self._tallies[size]
        return (
            tally.complete
            or tally.count >= self._most(size)
            or decided(int(tally.wrong[index]), tally.count, THRESHOLD)
        )

    def _most(self, size: int) -> int:
        return max(_LEAST_MOST, inputs_at(self._suite.length_of(self._subject.task, size), _MOST))

    def _next(self, index: int) -> int | None:
        """Returns the size to ask next, None where there is nothing left to find out."""
        below, failing = self._bracket(index)
        if failing is None:
            return None
        unsure = [size for size in (failing, below) if size is not None and not self._settled(size, index)]
        if unsure:
            return unsure[0]
        between = [size for size in self._sizes if (below is None or below < size) and size < failing]
        return between[len(between) // 2] if between else None

    def _ask(self, size: int) -> None:
        """Asks some more inputs of a size than were asked before."""
        task = self._subject.task
        length = self._suite.length_of(task, size)
        before = self._tallies.get(size, Tally(0, np.zeros(len(self._each), int)))
        rng = np.random.default_rng([_STREAM, self._seed, size, before.count])
        wanted = min(_AT_ONCE, inputs_at(length, _MOST))
        examples = self._suite.examples(task, size, wanted, rng)
        wrong = wrong_answers(self._subject, examples, length).sum(axis=1)
        complete = len(examples) < wanted
        if complete:  # all there are, and nothing of them twice
            before = Tally(0, np.zeros_like(wrong))
        self._tallies[size] = Tally(before.count + len(examples), before.wrong + wrong, complete)
        self._watch(size, self._tallies[size].count)

    def _row(self, index: int) -> ThresholdRow:
        below, failing = self._bracket(index)
        task = self._subject.task
        return ThresholdRow(
            run=self._subject.run,
            seed=self._subject.answering[index],
            averaged=self._subject.averaged,
            step=self._subject.step,
            task=task.name,
            layout=task.layout,
            suite=self._suite.name,
            size_name=self._suite.size_name,
            size=max(self._tallies),
            threshold=failing,
            below=below,
            count=sum(tally.count for tally in self._tallies.values()),
            versions=versions(),
        )

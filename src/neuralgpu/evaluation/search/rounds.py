"""What is tried, in its order: short inputs, suites, then mutations and substitutions in turns."""

from collections.abc import Mapping

import numpy as np

from neuralgpu.evaluation.search.meeting import Meeting
from neuralgpu.evaluation.search.mutation import MUTATION, Mutator
from neuralgpu.evaluation.search.seeds import EXHAUSTIVE, short_inputs, structured
from neuralgpu.evaluation.search.substitution import GRADIENT, Gradients, proposals
from neuralgpu.evaluation.search.texts import length_of

_CHILDREN = 64
"""Mutations of a round."""
_PARENTS, _PROMISING, _PROPOSED = 4, 2, 8
"""Inputs whose gradients are taken at once, how many of them for their loss, and substitutions that each may have."""
_GRADIENT_LENGTHS = (21, 41, 61)
"""Longest inputs whose gradients are taken, in turns: a program is compiled for each, and memory grows with squares."""
_IDLE_ROUNDS = 20
"""Rounds without a new input after which there seem to be no more."""
_MUTATION_STREAM, _GRADIENT_STREAM = 0x4D555441, 0x47524144


class Rounds:
    """One search; a function of its seed and of the answers."""

    def __init__(self, meeting: Meeting, seed: int, longest: int, gradients: Gradients | None) -> None:
        """Begins before the first input.

        Args:
            meeting: asks and shrinks.
            seed: decides what is drawn.
            longest: length of the longest inputs, in symbols.
            gradients: the subject's, where it has any.
        """
        self._meeting, self._seed, self._longest, self._gradients = meeting, seed, longest, gradients
        self._inquiry, self._task = meeting.inquiry, meeting.inquiry.task
        self._mutator = Mutator(self._task, longest)
        self._right: dict[int, list[str]] = {}
        """Inputs of suites that somebody answers rightly, by length."""
        self._expected: dict[int, dict[str, float]] = {}
        """The losses that inputs found by substitution should have, by length."""

    def run(self) -> None:
        """Goes on until nothing new is found to try.

        Raises:
            BudgetSpentError: it is, as is usual.
        """
        self._meeting.meet(dict.fromkeys(short_inputs(self._task, self._longest), EXHAUSTIVE))
        for texts in structured(self._task, self._longest, self._seed):
            self._meeting.meet(texts)
            self._keep_right(texts)
        number = idle = 0
        while idle < _IDLE_ROUNDS:
            before = self._inquiry.tried
            self._meeting.meet(self._mutated(number))
            if self._gradients:
                self._meeting.meet(self._substituted(self._gradients, number))
            idle = 0 if self._inquiry.tried > before else idle + 1
            number += 1

    def _keep_right(self, texts: Mapping[str, str]) -> None:
        for text in texts:
            if self._inquiry.right(text):
                self._right.setdefault(length_of(self._task, text), []).append(text)

    def _mutated(self, number: int) -> dict[str, str]:
        """Changes inputs that are wrong and such that are right in turns."""
        rng = np.random.default_rng([_MUTATION_STREAM, self._seed, number])
        wrong, right = sorted(self._meeting.shrinker.found()), [text for of in self._right.values() for text in of]
        kinds = [parents for parents in (wrong, right) if parents]
        children = (
            self._mutator.child(parents[int(rng.integers(len(parents)))], rng)
            for parents in kinds
            for _ in range(_CHILDREN // len(kinds))
        )
        return dict.fromkeys((child for child in children if child is not None), MUTATION)

    def _substituted(self, gradients: Gradients, number: int) -> dict[str, str]:
        """Substitutes digits of inputs of one length that somebody answers rightly."""
        most = _GRADIENT_LENGTHS[number % len(_GRADIENT_LENGTHS)]
        length = max((length for length in self._right if length <= most), default=None)
        if length is None:
            return {}
        parents = self._parents(length, number)
        children: dict[str, float] = {}
        answering = self._inquiry.subject.answering
        for parent, known in zip(parents, gradients.first_order(parents), strict=True):
            counted = [answering.index(one) for one in self._inquiry.right(parent)]
            for loss, child in proposals(self._task, parent, known, counted, _PROPOSED):
                children[child] = max(loss, children.get(child, loss))
        self._expected.setdefault(length, {}).update(children)
        return dict.fromkeys(children, GRADIENT)

    def _parents(self, length: int, number: int) -> list[str]:
        """Chooses inputs, always as many: those that should have the largest loss, each once, and drawn ones."""
        rng = np.random.default_rng([_GRADIENT_STREAM, self._seed, number])
        expected = self._expected.get(length, {})
        hopeful = [text for text in expected if self._inquiry.right(text)]
        chosen = sorted(hopeful, key=lambda text: (-expected[text], text))[:_PROMISING]
        for text in chosen:
            del expected[text]
        drawn = rng.integers(len(self._right[length]), size=_PARENTS - len(chosen)).tolist()
        return [*chosen, *(self._right[length][index] for index in drawn)]

"""First-order substitution of digits: what a model's gradient says should make it less sure (HotFlip).

Ebrahimi et al. 2018 (arXiv 1712.06751): when the symbol at a place becomes another, the loss changes, to first order,
by the gradient of the loss with respect to the embedded place times the difference of the two symbols' embeddings. That
is for a target that stays, as a digit's rarely does. So half of the substitutions change two digits such that it stays;
for the others the estimate only says where the answer hangs on the digit most.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol, runtime_checkable

from neuralgpu.evaluation.search.texts import columns, normal, number_from, taken_apart, target_of
from neuralgpu.tasks import Task

GRADIENT = "gradient"
"""What found an input that the gradient proposed."""


@runtime_checkable
class FirstOrder(Protocol):
    """What is known of one input and its surroundings."""

    @property
    def losses(self) -> Sequence[float]:
        """Each answering model's loss."""
        ...

    def rises(self, other: str) -> Sequence[float]:
        """Estimates by how much each loss rises when the input becomes another one of the same length."""
        ...


@runtime_checkable
class Gradients(Protocol):
    """What a subject may offer beside its answers."""

    def first_order(self, texts: Sequence[str]) -> list[FirstOrder]:
        """Returns the losses and gradients at inputs of one length."""
        ...


def single_substitutions(text: str, base: int) -> Iterator[str]:
    """Yields the texts that differ from one in a single digit."""
    for place, digit in enumerate(text):
        if digit.isdecimal():
            yield from (text[:place] + str(new) + text[place + 1 :] for new in range(base) if str(new) != digit)


def paired_substitutions(text: str, base: int) -> Iterator[str]:
    """Yields texts whose answer may well be the same.

    Digits in the same column of neighbouring numbers change places, or one rises and the other falls by one; in a
    sequence two digits do.
    """
    parts = taken_apart(text)
    for index, pair in enumerate(pairwise(parts.numbers)):
        for column in range(parts.width):
            first, second = (columns(number, column, column + 1) for number in pair)
            if first and second:
                one, other = int(first), int(second)
                for new in {(other, one): 0, (one + 1, other - 1): 0, (one - 1, other + 1): 0}:
                    if new != (one, other) and min(new) >= 0 and max(new) < base:
                        numbers = [
                            number_from(number, column, column + 1, str(digit))
                            for number, digit in zip(pair, new, strict=True)
                        ]
                        yield parts.write([*parts.numbers[:index], *numbers, *parts.numbers[index + 2 :]])
    if len(parts.numbers) == 1:
        places = [place for place, character in enumerate(text) if character.isdecimal()]
        for low, high in pairwise(places):
            yield text[:low] + text[high] + text[low + 1 : high] + text[low] + text[high + 1 :]


def proposals(task: Task, text: str, known: FirstOrder, counted: Sequence[int], limit: int) -> list[tuple[float, str]]:
    """Returns inputs that should raise the loss of an input most, with the loss that is expected of each.

    Args:
        task: whose input it is.
        text: the input.
        known: its losses and gradients.
        counted: which of the losses are added up.
        limit: how many with the same answer, and how many with another one.
    """
    answer, loss = target_of(task, text), sum(known.losses[index] for index in counted)

    def ranked(others: Iterator[str]) -> list[tuple[float, str]]:
        rises = ((known.rises(other), other) for other in others)
        return sorted(((loss + sum(rise[index] for index in counted), other) for rise, other in rises), reverse=True)

    def inputs(others: Iterator[str]) -> Iterator[str]:
        return (other for other in dict.fromkeys(others) if normal(task, other) == other)

    keeping = (other for other in inputs(paired_substitutions(text, task.base)) if target_of(task, other) == answer)
    changing = inputs(single_substitutions(text, task.base))
    return [*ranked(keeping)[:limit], *ranked(changing)[:limit]]

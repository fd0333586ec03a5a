"""What a search finds: inputs that are answered wrongly, as small as they could be made."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from neuralgpu.evaluation.search.inquiry import Inquiry
from neuralgpu.evaluation.search.kinds import kind_of
from neuralgpu.evaluation.search.texts import length_of, size_of, target_of


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """An input with the exact answer and a wrong one."""

    task: str
    kind: str
    """What the group of such inputs is called."""
    detail: str
    """What this one's has as a number, such as 'through 8 digits'; empty where it has none."""
    input: str
    target: str
    output: str
    """The answer of the first that is wrong."""
    length: int
    """In symbols."""
    seed: int | None
    """The first that is wrong; None for one without a number."""
    seeds: tuple[int | None, ...]
    """All that are wrong."""
    averaged: int | None
    """Number of seeds whose predictions were averaged; None where each answers by itself."""
    step: int | None
    """Training step of the checkpoint; None where it is no run of ours."""
    found_by: str
    """A suite's name, 'exhaustive', 'mutation' or 'gradient'."""

    def record(self) -> dict[str, object]:
        """Returns the counterexample as a line of a file of inputs."""
        return {**asdict(self), "seeds": list(self.seeds)}


def counterexamples(inquiry: Inquiry, found: dict[str, str], keep: int | None = None) -> list[Counterexample]:
    """Returns the counterexamples of inputs that were asked and found wrong, smallest first.

    Args:
        inquiry: who was asked.
        found: the inputs, with what found each.
        keep: how many of a kind are kept; all when None.
    """
    of_kind: dict[str, int] = {}
    kept: list[Counterexample] = []
    for text in sorted(found, key=lambda text: size_of(inquiry.task, text)):
        kind = kind_of(inquiry.task, text)
        of_kind[kind.name] = of_kind.get(kind.name, 0) + 1
        if keep is None or of_kind[kind.name] <= keep:
            kept.append(_described(inquiry, text, found[text]))
    return kept


def grouped(found: Iterable[Counterexample]) -> dict[str, list[Counterexample]]:
    """Groups counterexamples by kind, the kind of the smallest first."""
    groups: dict[str, list[Counterexample]] = {}
    for one in found:
        groups.setdefault(one.kind, []).append(one)
    return groups


def _described(inquiry: Inquiry, text: str, found_by: str) -> Counterexample:
    task, subject, wrong = inquiry.task, inquiry.subject, inquiry.wrong(text)
    kind = kind_of(task, text)
    first = next(iter(wrong))
    return Counterexample(
        task=task.name,
        kind=kind.name,
        detail=kind.detail,
        input=text,
        target=target_of(task, text),
        output=wrong[first],
        length=length_of(task, text),
        seed=first,
        seeds=tuple(wrong),
        averaged=subject.averaged,
        step=subject.step,
        found_by=found_by,
    )

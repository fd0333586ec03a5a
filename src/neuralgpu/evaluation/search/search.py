"""Searches for inputs that a subject gets wrong, and shrinks what it finds."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from neuralgpu.errors import UserError
from neuralgpu.evaluation.budget import BudgetSpentError
from neuralgpu.evaluation.search.counterexample import Counterexample, counterexamples
from neuralgpu.evaluation.search.inquiry import Inquiry, Watch
from neuralgpu.evaluation.search.meeting import Meeting
from neuralgpu.evaluation.search.rounds import Rounds
from neuralgpu.evaluation.search.substitution import Gradients
from neuralgpu.evaluation.subject import Subject


@dataclass(frozen=True)
class Found:
    """What a search has found."""

    counterexamples: tuple[Counterexample, ...]
    """Smallest first, at most so many of a kind."""
    tried: int
    """Number of inputs that were asked."""


def find_counterexamples(
    subject: Subject,
    *,
    seconds: float,
    seed: int = 0,
    longest: int = 101,
    keep: int = 10,
    most_tries: int | None = None,
    gradients: Gradients | None = None,
    leave_out: Collection[int] = (),
    watch: Watch = lambda tried, wrong: None,
) -> Found:
    """Searches until the budget is spent; what is tried depends on the seed and on the answers alone.

    Args:
        subject: who is asked.
        seconds: time to search in; the time cuts the search off and changes nothing else.
        seed: decides what is drawn.
        longest: length of the longest inputs, in symbols.
        keep: how many counterexamples of a kind are kept.
        most_tries: number of inputs that are asked at most.
        gradients: the subject's gradients, where there are any.
        leave_out: seeds that do not count, such as those that diverged.
        watch: told how far the search is.

    Raises:
        UserError: the task has no inputs so short.
    """
    task = subject.task
    if not task.valid_lengths(1, longest):
        raise UserError(f"{task.name!r} has no inputs of {longest} symbols or fewer; use a larger --longest.")
    inquiry = Inquiry(subject, seconds, most_tries, leave_out=leave_out, watch=watch)
    meeting = Meeting(inquiry)
    with suppress(BudgetSpentError):
        Rounds(meeting, seed, longest, gradients).run()
    return Found(tuple(counterexamples(inquiry, meeting.shrinker.found(), keep)), inquiry.tried)


def shrunk(subject: Subject, failing: Mapping[str, str], *, limit: int, seconds: float) -> list[Counterexample]:
    """Shrinks inputs that a subject gets wrong; those that it gets right are left out.

    Args:
        subject: who is asked.
        failing: inputs, with what found each, such as a suite's name.
        limit: how many are shrunk, of every kind the smallest first.
        seconds: time to shrink in; what is not done then is as small as it has become.

    Returns:
        What they have become, smallest first.

    Raises:
        UserError: an input is none of the task.
    """
    task = subject.task
    as_inputs = {task.decode_input(task.encode(text)): found_by for text, found_by in failing.items()}
    inquiry = Inquiry(subject, seconds)
    meeting = Meeting(inquiry)
    with suppress(BudgetSpentError):
        meeting.meet(as_inputs, limit)
    return counterexamples(inquiry, meeting.shrinker.found())

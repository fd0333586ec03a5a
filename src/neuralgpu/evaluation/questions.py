"""What models are asked, and what they are asked by default."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites import Suite, find_suite
from neuralgpu.tasks import Task
from neuralgpu.tasks.task import SYMBOL_LIMIT

DEFAULT_LENGTHS = (25, 41, 101, 201, 401)
"""Where a task has no inputs of such a length, it is asked about the next shorter ones."""
DEFAULT_CARRIES = (5, 10, 20, 40, 60, 80, 100, 130, 160, 190)


@dataclass(frozen=True)
class Question:
    """One cell of an examination."""

    suite: Suite
    task: Task
    size: int
    count: int
    """Number of inputs; some suites have fewer."""
    whole: bool = False
    """Whether all of them are asked even if the answer is certain before."""

    @property
    def length(self) -> int:
        """Nominal length of the inputs, in symbols."""
        return self.suite.length_of(self.task, self.size)

    @property
    def own_size(self) -> int | None:
        """The suite's own size, where it is not the length."""
        return None if self.suite.size_name == "length" else self.size


def questions(
    task: Task, lengths: Sequence[int] | None, suite: str | None, count: int, sizes: Sequence[int] | None = None
) -> list[Question]:
    """Returns what to ask a model of this task.

    Args:
        task: what is asked.
        lengths: lengths of the inputs; the usual ones when None.
        suite: name of the suite; those that are asked by default when None.
        count: number of inputs for each question.
        sizes: sizes of the suite's inputs, in the place of lengths.

    Raises:
        UserError: a suite, a length or a size does not go with the task.
    """
    if lengths and sizes:
        raise UserError("Give --length or --size, not both.")
    if sizes and suite is None:
        raise UserError("--size is counted in a suite's own unit; give --suite with it, see 'neuralgpu suites'.")
    named = [suite] if suite is not None else ["random", *(["carry"] if not lengths else [])]
    asked: list[Question] = []
    for found in map(find_suite, named):
        if suite is None and not found.fits(task):
            continue
        found.check_task(task)
        if found.name == "random":
            for length in lengths or ():
                task.check_length(length)
        chosen = sizes or [found.size_of(task, length) for length in lengths or ()] or _usual_sizes(found, task)
        for size in chosen:
            found.check_size(task, size)
            asked.append(Question(found, task, size, count))
    return asked


def _usual_sizes(suite: Suite, task: Task) -> list[int]:
    """Returns the sizes that are asked where none are given: those next below the usual lengths."""
    if suite.name == "carry":
        return list(DEFAULT_CARRIES)
    if suite.name.startswith("file:"):
        return suite.sizes(task, SYMBOL_LIMIT)
    return sizes_below(suite, task, DEFAULT_LENGTHS)


def sizes_below(suite: Suite, task: Task, lengths: Sequence[int]) -> list[int]:
    """Returns the largest sizes of a suite whose inputs are no longer than each of some lengths.

    Raises:
        UserError: there is none at all.
    """
    below = (suite.sizes(task, longest) for longest in lengths)
    found = list(dict.fromkeys(sizes[-1] for sizes in below if sizes))
    if not found:
        raise UserError(f"Suite {suite.name!r} has no inputs of {max(lengths)} symbols or fewer for {task.name!r}.")
    return found

"""What a model that knows nothing of a task has to be told of it."""

from dataclasses import dataclass

from neuralgpu.tasks import Task

_LENGTHS = (5, 15)


@dataclass(frozen=True)
class Description:
    """A task in words, with worked examples."""

    name: str
    """The task's name, such as 'badd'."""
    operation: str
    """What is computed, in a word, such as 'addition'."""
    base: int
    """Base of the numerals, or number of different symbols of a sequence."""
    examples: tuple[tuple[str, str], ...]
    """Inputs and their answers, as people write them."""


def describe(task: Task) -> Description:
    """Returns the description of a task, with a short example and a longer one.

    >>> from neuralgpu.tasks import find_task
    >>> describe(find_task("sort")).examples
    (('68084', '04688'), ('967823204591974', '012234456778999'))
    """
    lengths = (next(length for length in range(low, 2 * low) if task.valid_length(length)) for low in _LENGTHS)
    worked = (task.example(length) for length in lengths)
    return Description(
        task.name, task.operation, task.base, tuple((text, task.plain(answer)) for text, answer in worked)
    )

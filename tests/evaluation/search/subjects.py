"""Subjects around Python functions, right and faulty ones."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from neuralgpu.evaluation.suites import Example
from neuralgpu.tasks import Task, find_task

Answer = Callable[[Task, str], str]

RUN_THROUGH = 8
"""Columns after which the faulty adder drops a carry."""
ZEROS = 5
"""Most leading zeros that the other one bears."""


class Functions:
    """Answers inputs with one or more functions, each under the number of a seed."""

    run = "functions"
    step = None
    averaged = None

    def __init__(self, task: str, *functions: Answer) -> None:
        self.task, self._functions = find_task(task), functions
        self.answering: tuple[int | None, ...] = tuple(range(len(functions))) if len(functions) > 1 else (None,)
        self.asked: list[str] = []

    def answers(self, texts: Sequence[str]) -> list[list[str]]:
        self.asked += texts
        return [[function(self.task, text) for text in texts] for function in self._functions]

    def symbols(self, examples: Sequence[Example], length: int) -> Iterator[np.ndarray]:
        raise NotImplementedError("a search asks for texts")


def right(task: Task, text: str) -> str:
    return task.solve(text)


def carry_dropper(task: Task, text: str) -> str:
    """Adds column by column; a carry that has run through eight columns is lost."""
    first, second = text.split("+")
    width = max(len(first), len(second))
    answer, carry, through = "", 0, 0
    for one, other in zip(reversed(first.zfill(width)), reversed(second.zfill(width)), strict=True):
        total = int(one) + int(other)
        through = 1 if total >= task.base else through + 1 if carry and total == task.base - 1 else 0
        carry, digit = divmod(total + carry, task.base)
        answer = f"{digit}{answer}"
        if through == RUN_THROUGH:
            carry = 0
    return f"{carry}{answer}"


def zero_stumbler(task: Task, text: str) -> str:
    """Is wrong where both numbers have more than five leading zeros."""
    fewest = min(len(number) - len(number.lstrip("0")) for number in text.split("+"))
    return "1" + task.solve(text) if fewest > ZEROS else task.solve(text)


def four_in_a_row(task: Task, text: str) -> str:
    """Gives sequences back in which a symbol comes four times in a row, with one symbol more."""
    return f"{text}0" if any(symbol * 4 in text for symbol in "0123456789") else task.solve(text)

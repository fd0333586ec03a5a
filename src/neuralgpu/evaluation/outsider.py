"""A model that is not ours, examined by the texts that it answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from neuralgpu.evaluation.suites import Example
from neuralgpu.tasks import Task

Predict = Callable[[Sequence[str]], list[str | None]]
"""Maps inputs to answers, None where there is none."""
_AT_ONCE = 64
_NOTHING = "?"


@dataclass(frozen=True)
class Outsider:
    """Anything that answers texts, as a `Subject`.

    An answer is right if a person would read it as the right one: leading zeros of a number do not count. Nothing else
    is forgiven.
    """

    run: str
    """How the model was asked for."""
    task: Task
    predict: Predict
    step: None = None
    averaged: None = None
    answering: tuple[None] = (None,)

    def answers(self, texts: Sequence[str]) -> list[list[str]]:
        """Returns the answers, right ones as the task would write them, "?" for each symbol that is missing."""
        given = self._asked(texts)
        return [[self._fitted(text, self.task.solve(asked)) for text, asked in zip(given, texts, strict=True)]]

    def symbols(self, examples: Sequence[Example], length: int) -> Iterator[Int[np.ndarray, "1 batch length"]]:
        """Yields the symbols of the answers, -1 where one is missing or is no digit of the task."""
        for start in range(0, len(examples), _AT_ONCE):
            part = examples[start : start + _AT_ONCE]
            symbols = np.full((1, len(part), length), -1, np.int32)
            for index, (example, given) in enumerate(
                zip(part, self._asked([example.input for example in part]), strict=True)
            ):
                row = self._symbols(self._fitted(given, example.target), len(self.task.encode(example.input)))
                symbols[0, index, : len(row)] = row
            yield symbols

    def _asked(self, texts: Sequence[str]) -> list[str | None]:
        return [None if given is None else given.strip() for given in self.predict(texts)]

    def _fitted(self, given: str | None, target: str) -> str:
        """Writes an answer with as many characters as the right one has; what does not fit spoils an end of it."""
        if given is None:
            return _NOTHING * len(target)
        if given == target or self.task.plain(given) == self.task.plain(target):
            return target
        digits = "0123456789"[: self.task.base]
        given = "".join(character if character in digits else _NOTHING for character in given)
        if self._is_number:
            fitted = given.rjust(len(target), "0")
            return fitted if len(fitted) == len(target) else _NOTHING + fitted[len(fitted) - len(target) + 1 :]
        fitted = given.ljust(len(target), _NOTHING)
        return fitted if len(fitted) == len(target) else fitted[: len(target) - 1] + _NOTHING

    def _symbols(self, fitted: str, length: int) -> Int[np.ndarray, " symbol"]:
        known = self.task.encode_output(fitted.replace(_NOTHING, "0"), length)
        zeros = self.task.encode_output("0" * len(fitted), length)
        marked = self.task.encode_output("".join("1" if character == _NOTHING else "0" for character in fitted), length)
        return np.where(marked == zeros, known, -1)

    @property
    def _is_number(self) -> bool:
        return self.task.plain("00") == "0"

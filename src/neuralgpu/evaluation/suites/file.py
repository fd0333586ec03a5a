"""Inputs from a file, such as counterexamples that were found and kept."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites.suite import Suite
from neuralgpu.rows import read_lines
from neuralgpu.tasks import Task


class FromFile(Suite):
    """The inputs of a JSON-lines file, each line an object with an "input"; targets are worked out anew.

    There is one size for each length that the inputs have.
    """

    about = "inputs of a JSON-lines file"
    source = "a file"

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            UserError: there is no such file, or a line has no input.
        """
        if not path.is_file():
            raise UserError(f'There is no file {path}; --suite file:PATH takes JSON lines with an "input" each.')
        records = read_lines(path)
        if not records or not all(isinstance(record.get("input"), str) for record in records):
            raise UserError(f'{path} is no list of inputs: every line has to be a JSON object with an "input".')
        self.texts = list(dict.fromkeys(str(record["input"]) for record in records))
        self.name = f"file:{path}"

    def fits(self, task: Task) -> bool:
        """A text that is no input of the task is refused where it is read."""
        return True

    def length_of(self, task: Task, size: int) -> int:
        """The size is the length."""
        return size

    def valid_size(self, task: Task, size: int) -> bool:
        """Says whether there are inputs of that length."""
        return size in self._lengths(task)

    def sizes(self, task: Task, longest: int) -> list[int]:
        """Returns the lengths that there are."""
        return sorted(length for length in set(self._lengths(task)) if length <= longest)

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Yields each input once, in the order of the file."""
        return (text for text, length in zip(self.texts, self._lengths(task), strict=True) if length == size)

    def _lengths(self, task: Task) -> list[int]:
        return [len(task.encode(text)) for text in self.texts]

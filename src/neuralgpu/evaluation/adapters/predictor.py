"""Anybody's model, opened by what is written on the command line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from neuralgpu.errors import UserError, shown
from neuralgpu.evaluation.adapters.chat import open_chat_model
from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.function import open_function
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.program import open_program

Kind = Literal["python", "cmd", "openai"]


class Predictor(Protocol):
    """Answers inputs, as people write them, with answers, as people write them."""

    @property
    def name(self) -> str:
        """How it was asked for, such as 'python:examples/faulty_adder.py:add'."""
        ...

    @property
    def kind(self) -> Kind:
        """What it is: the word in front of the name's first colon."""
        ...

    @property
    def unanswered(self) -> Mapping[str, int]:
        """Number of inputs so far to which no answer could be had, for each reason."""
        ...

    @property
    def spent(self) -> Mapping[str, int]:
        """Requests and tokens so far, of a chat model; empty for the others."""
        ...

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """Returns an answer to each input, None where none could be had.

        Raises:
            UserError: it is no use asking on: the model breaks its contract, fails at every input or is refused.
            BudgetSpentError: all that it may cost is spent.
        """
        ...


@contextmanager
def open_predictor(spec: str, limits: Limits, description: Description) -> Iterator[Predictor]:
    """Opens a model for as long as the context lasts; no process or request of it outlives that.

    Args:
        spec: python:PKG.MOD:FUNC, python:FILE.py:FUNC, cmd:PROGRAM ARGS or openai:URL#NAME.
        limits: how long and how often it is asked.
        description: what a chat model is told of the task.

    Raises:
        UserError: there is no such model, or it cannot be started.
    """
    kind, _, rest = spec.partition(":")
    openers: dict[str, Callable[[], AbstractContextManager[Predictor]]] = {
        "python": lambda: open_function(spec, rest, limits),
        "cmd": lambda: open_program(spec, rest, limits),
        "openai": lambda: open_chat_model(spec, rest, limits, description),
    }
    if kind not in openers:
        raise UserError(
            f"{shown(spec)} is no model; give python:PKG.MOD:FUNC, 'cmd:PROGRAM ARGS' or 'openai:URL#NAME'."
        )
    with openers[kind]() as predictor:
        yield predictor

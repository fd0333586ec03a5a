"""A chat model behind an address that speaks as OpenAI's does."""

import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from neuralgpu.errors import UserError, shown
from neuralgpu.evaluation.adapters.answering import Account, NoAnswerError
from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.endpoint import Endpoint, ServerError
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.reply import parse_answer

_PATH = "/chat/completions"
_KEY = "OPENAI_API_KEY"
_CHARACTERS_A_TOKEN = 3
"""Digits take more tokens than words do; where a server does not count, rather too many are counted."""


class ChatModel(Account):
    """Asks a chat model about one input a message, several at once."""

    kind: Literal["openai"] = "openai"

    def __init__(self, name: str, model: str, endpoint: Endpoint, limits: Limits, description: Description) -> None:
        super().__init__()
        self.name = name
        self._model = model
        self._endpoint = endpoint
        self._limits = limits
        self._prompt = prompt(description)
        self._base = description.base
        self._failed = 0

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """Asks for all answers, and waits until the last one has come or has failed to.

        Raises:
            UserError: the server refuses, or has no reply to one input after the other.
            BudgetSpentError: all that may be spent has been; answers that have come are lost.
        """
        answers: list[str | None] = [None] * len(texts)
        waiting = queue.SimpleQueue[int]()
        for index in range(len(texts)):
            waiting.put(index)
        done = queue.SimpleQueue[tuple[int, str | Exception]]()

        def work() -> None:
            while not self._endpoint.stopped.is_set():
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    done.put((index, self._ask(texts[index])))
                except NoAnswerError as error:
                    done.put((index, error))
                except Exception as error:  # the thread that waits for the answers raises it
                    done.put((index, error))
                    return

        # Daemons, for Ctrl-C: nobody waits for a reply under way when the program is left.
        workers = [threading.Thread(target=work, daemon=True) for _ in range(min(self._limits.concurrency, len(texts)))]
        for worker in workers:
            worker.start()
        for _ in texts:
            index, outcome = done.get()
            answers[index] = self._taken(outcome)
        for worker in workers:
            worker.join()
        return answers

    @property
    def spent(self) -> Mapping[str, int]:
        """Requests and tokens so far."""
        return self._endpoint.allowance.spent

    def _taken(self, outcome: str | Exception) -> str | None:
        if not isinstance(outcome, ServerError):
            self._failed = 0
        else:
            self._failed += 1
            if self._failed == self._limits.failures:
                raise UserError(
                    f"{self.name} had no reply to {self._failed} inputs in a row ({outcome}); see whether the server "
                    "is up, and ask it later or more slowly."
                )
        if isinstance(outcome, NoAnswerError):
            return self.none(str(outcome))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _ask(self, text: str) -> str:
        messages = [{"role": "system", "content": self._prompt}, {"role": "user", "content": text}]
        reply = self._endpoint.post({"model": self._model, "messages": messages, "temperature": 0})
        said = _said(reply)
        self._endpoint.allowance.spend(
            _tokens(reply) or -(-len(self._prompt + text + (said or "")) // _CHARACTERS_A_TOKEN)
        )
        if said is None:
            raise NoAnswerError("no text in the reply")
        answer = parse_answer(said, self._base)
        if answer is None:
            raise NoAnswerError(f"no number of base {self._base} in the reply")
        return answer


def prompt(description: Description) -> str:
    """Returns what a chat model is told before every input."""
    worked = [line for text, answer in description.examples for line in (f"Input: {text}", f"Answer: {answer}", "")]
    divides = any("/" in text for text, _ in description.examples)
    return "\n".join(
        [
            f"The task is: {description.operation}, in base {description.base}. Every message is one input, written as "
            f"in the examples; inputs and answers use the digits 0 to {description.base - 1} only."
            + (" Division rounds down." if divides else ""),
            "",
            *worked,
            "You may work step by step. Answer with the result alone, in the last line: its digits without separators.",
        ]
    )


def _said(reply: Mapping[str, Any]) -> str | None:
    try:
        said = reply["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        return None
    return said if isinstance(said, str) else None


def _tokens(reply: Mapping[str, Any]) -> int | None:
    usage = reply.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total > 0 else None


@contextmanager
def open_chat_model(name: str, rest: str, limits: Limits, description: Description) -> Iterator[ChatModel]:
    """Notes whom to ask; nothing is sent before the first input.

    Args:
        name: what it is called.
        rest: URL#NAME, the address with or without /chat/completions, and the model's name there.
        limits: how often it is asked, and what that may cost.
        description: what it is told of the task.

    Raises:
        UserError: that is no address, or it has no name behind it.
    """
    url, _, model = rest.partition("#")
    address = _address(url)
    if not (address and model):
        raise UserError(
            f"{shown(name)} is no address with a model's name; give 'openai:URL#NAME', such as "
            "'openai:http://localhost:8000/v1#qwen'."
        )
    key = os.environ.get(_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"{_KEY} holds characters that no key has; set it anew, or unset it.")
    endpoint = Endpoint(address, key, limits)
    try:
        yield ChatModel(name, model, endpoint, limits, description)
    finally:
        endpoint.stopped.set()


def _address(url: str) -> str | None:
    """Returns where chats are sent, None where that is no address."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        return None
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix(_PATH) + _PATH))

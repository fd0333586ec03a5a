"""JSON sent to an address and JSON sent back, tried again where the server or the network fails."""

import json
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from neuralgpu.errors import UserError
from neuralgpu.evaluation.adapters.allowance import Allowance
from neuralgpu.evaluation.adapters.answering import NoAnswerError
from neuralgpu.evaluation.adapters.limits import Limits

_BLOCK = 1 << 16
_SAID = 300
"""Characters of what a server said that are shown."""


class ServerError(NoAnswerError):
    """The server did not give a reply to an input, however often it was asked."""


class _TryError(Exception):
    """One try failed."""

    def __init__(self, reason: str, *, again: bool = True, wait: float | None = None) -> None:
        super().__init__(reason)
        self.again = again
        self.wait = wait
        """Seconds that the server wants to be left alone."""


class _NoRedirect(HTTPRedirectHandler):
    """Follows nobody to another address: the key is for this one."""

    def redirect_request(
        self, req: Request, fp: object, code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        """Refuses."""
        return None


class Endpoint:
    """An address that takes and gives JSON objects; several threads may use it."""

    def __init__(self, url: str, key: str, limits: Limits) -> None:
        """Notes whom to ask.

        Args:
            url: the address, http or https.
            key: sent as a bearer's token; "" for none.
            limits: of time, tries and cost.
        """
        self.allowance = Allowance(limits)
        self.stopped = threading.Event()
        """Set when nobody waits for replies any more."""
        self._url = url
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._limits = limits
        self._opener = build_opener(_NoRedirect)
        self._has_replied = False

    def post(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the reply to a JSON object.

        Raises:
            BudgetSpentError: all that may be spent has been.
            ServerError: no try was successful.
            UserError: the server refuses the key, the address, or what all requests have in common.
        """
        data = json.dumps(content).encode()
        failure: _TryError | None = None
        for attempt in range(self._limits.tries):
            if failure is not None:
                self._pause(self._wait(failure, attempt))
            self._pause(self.allowance.turn())
            try:
                reply = self._try(data)
            except _TryError as error:
                failure = error
                if not failure.again:
                    break
            else:
                self._has_replied = True
                return reply
        raise ServerError(str(failure))

    def _wait(self, failure: _TryError, attempt: int) -> float:
        """Returns the seconds before the next try: not the same for all threads, so that they do not come together."""
        grown = self._limits.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1)
        return min(grown if failure.wait is None else failure.wait, self._limits.longest_wait)

    def _pause(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise NoAnswerError("stopped")

    def _try(self, data: bytes) -> dict[str, Any]:
        seconds = self._limits.chat_timeout
        try:
            reply = json.loads(self._body(Request(self._url, data, self._headers), seconds))
        except HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            late = isinstance(cause, TimeoutError)
            said = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
            raise _TryError(f"no answer in {seconds:g} s" if late else f"no connection ({said})") from error
        except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested beyond Python's limits
            raise _TryError("a reply that is not JSON") from error
        if not isinstance(reply, dict):
            raise _TryError("a reply that is not a JSON object")
        return reply

    def _body(self, request: Request, seconds: float) -> bytes:
        """Reads a reply; what is limited is the time of the whole, also where it trickles in."""
        deadline = time.monotonic() + seconds
        body = bytearray()
        with self._opener.open(request, timeout=seconds) as response:
            while block := response.read1(_BLOCK):
                body += block
                if len(body) > self._limits.longest_answer:
                    raise _TryError(f"a reply of more than {self._limits.longest_answer:,} bytes", again=False)
                if time.monotonic() > deadline:
                    raise TimeoutError
        return bytes(body)

    def _refusal(self, error: HTTPError) -> _TryError | UserError:
        """Returns what to raise: one input's failure, or everybody's."""
        reason = f"HTTP {error.code}"
        # A server that has replied before refuses this one input, such as one that is too long for it.
        if error.code in (401, 403, 404) or (error.code == 400 and not self._has_replied):
            return UserError(
                f"{self._url} answers {reason}: {_said(error)}; check the address, the model's name and OPENAI_API_KEY."
            )
        again = error.code in (408, 429) or error.code >= 500
        return _TryError(reason, again=again, wait=_asked_to_wait(error.headers.get("Retry-After")))


def _said(error: HTTPError) -> str:
    """Returns the server's own words: the message of an error as OpenAI writes it, or the beginning of what came."""
    try:
        text = error.read(_BLOCK).decode(errors="replace")
    except (OSError, HTTPException):
        text = ""
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        text = str(json.loads(text)["error"]["message"])
    return " ".join(text.split())[:_SAID].rstrip(".") or error.reason


def _asked_to_wait(header: str | None) -> float | None:
    """Returns the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); None where there is none."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())

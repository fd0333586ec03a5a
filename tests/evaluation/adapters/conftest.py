"""Programs, modules and a server that behave as told."""

import json
import os
import select
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.evaluation.adapters.description import Description, describe
from neuralgpu.tasks import find_task

WriteProgram = Callable[[str], str]


@pytest.fixture
def description() -> Description:
    return describe(find_task("add"))


@pytest.fixture
def program(tmp_path: Path) -> WriteProgram:
    """Writes a program that does `answer(line)` for every line, and returns its spec."""

    def write(body: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(f"import os, signal, subprocess, sys, time\n{textwrap.dedent(body)}", encoding="utf-8")
        return f"cmd:{sys.executable} {path}"

    return write


@dataclass
class Lifeline:
    """A pipe that programs hold open: it has an end once none of them lives."""

    path: Path
    _read: int

    def up(self) -> int:
        """Waits until a program has written its number to the pipe, and returns it."""
        assert select.select([self._read], [], [], 20)[0]
        return int(os.read(self._read, 100).split()[0])

    def all_gone(self) -> bool:
        """Waits until every program that held it is gone."""
        while select.select([self._read], [], [], 20)[0]:
            if not os.read(self._read, 100):
                return True
        return False


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    path = tmp_path / "lifeline"
    os.mkfifo(path)
    read = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield Lifeline(path, read)
    os.close(read)


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    content: dict[str, Any]
    time: float

    @property
    def text(self) -> str:
        return self.content["messages"][-1]["content"]


@dataclass
class Reply:
    """What a server sends."""

    content: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    held: bool = False
    """Not sent before the server is closed."""


def said(text: object, *, held: bool = False) -> Reply:
    return Reply({"choices": [{"message": {"role": "assistant", "content": text}}]}, held=held)


class Server:
    """A chat endpoint on loopback; `reply` decides, for each request and its number for that input."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.reply: Callable[[Asked, int], Reply] = lambda asked, number: said(str(eval(asked.text)))
        self.closing = threading.Event()
        self.at_once = self.most_at_once = 0
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = Asked(self.path, dict(self.headers), json.loads(body), time.monotonic())
                with lock:
                    server.asked.append(asked)
                    number = sum(other.text == asked.text for other in server.asked)
                    server.at_once += 1
                    server.most_at_once = max(server.at_once, server.most_at_once)
                try:
                    self.send(server.reply(asked, number))
                finally:
                    with lock:
                        server.at_once -= 1

            def send(self, reply: Reply) -> None:
                if reply.held:
                    server.closing.wait()
                    return
                content = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.spec = f"openai:http://127.0.0.1:{self.http.server_port}/v1#small"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self._thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Server()
    yield server
    server.close()

"""Compiles programs ahead of need, in a thread beside the training."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class Compiler:
    """Makes each program once; `make` in the methods returns a compiled program."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Time spent compiling, in whatever thread."""
        self.waited = 0.0
        """Time that `program` has kept its callers waiting."""
        self._programs: dict[Hashable, Future[Any]] = {}
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._lock = threading.Lock()
        self._working = False

    def ahead(self, key: Hashable, make: Callable[[], Any]) -> None:
        """Lets a program be made in the thread, after those that were asked for before it."""
        with self._lock:
            if key in self._programs:
                return
            self._programs[key] = Future()
            self._waiting.append((self._programs[key], make))
            if not self._working:
                self._working = True
                # No daemon: Python waits for the compilation under way, which cannot be interrupted, before it ends.
                threading.Thread(target=self._work, name="compiler").start()

    def program(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns a program; one that the thread has not begun is made here, beside what the thread does."""
        with self._lock:
            future = self._programs.get(key)
            unmade = future is None or future.cancel()
            if future is None or unmade:
                future = self._programs[key] = Future()
        if future.done():
            return future.result()
        started = time.perf_counter()
        if unmade:
            self._make(future, make)
        try:
            return future.result()
        finally:
            self.waited += time.perf_counter() - started

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or not threading.main_thread().is_alive():
                    self._working = False
                    return
                future, make = self._waiting.popleft()
                begun = future.set_running_or_notify_cancel()
            if begun:
                self._make(future, make)

    def _make(self, future: Future[Any], make: Callable[[], Any]) -> None:
        started = time.perf_counter()
        try:
            future.set_result(make())
        except BaseException as error:  # raised where the program is asked for
            future.set_exception(error)
        finally:
            with self._lock:
                self.seconds += time.perf_counter() - started

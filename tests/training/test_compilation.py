"""Programs are made once, in the order of their need, and waiting for them is counted."""

import threading
import time

import pytest

from neuralgpu.training.compilation import Compiler


def test_programs_are_made_once_and_in_order() -> None:
    compiler, made, begun, free = Compiler(), [], threading.Event(), threading.Event()

    def make(name: str) -> str:
        begun.set()
        assert free.wait(10)
        made.append((name, threading.current_thread().name))
        return name.upper()

    for name in ("a", "b", "a", "c"):
        compiler.ahead(name, lambda name=name: make(name))
    assert begun.wait(10)
    free.set()
    assert compiler.program("a", lambda: pytest.fail("begun already")) == "A"
    while len(made) < 3:
        time.sleep(0.001)
    assert made == [(name, "compiler") for name in "abc"]
    assert compiler.program("b", lambda: pytest.fail("made already")) == "B"


def test_a_program_that_the_thread_has_not_begun_is_made_by_who_needs_it() -> None:
    compiler, busy, release = Compiler(), threading.Event(), threading.Event()

    def slow() -> str:
        busy.set()
        assert release.wait(10)
        return "slow"

    compiler.ahead("slow", slow)
    compiler.ahead("urgent", lambda: pytest.fail("the thread is busy with another"))
    assert busy.wait(10)
    assert compiler.program("urgent", lambda: threading.current_thread().name) == threading.current_thread().name
    release.set()
    assert compiler.program("slow", lambda: pytest.fail("begun already")) == "slow"
    assert compiler.program("urgent", lambda: pytest.fail("made already")) == threading.current_thread().name


def test_seconds_of_compiling_and_of_waiting_are_counted() -> None:
    compiler = Compiler()

    def make() -> None:
        time.sleep(0.2)

    compiler.ahead("in time", make)
    while compiler.seconds == 0:
        time.sleep(0.01)
    compiler.program("in time", make)
    assert compiler.waited == 0
    assert 0.2 <= compiler.seconds < 0.4
    compiler.program("late", make)
    assert 0.2 <= compiler.waited < 0.4
    assert 0.4 <= compiler.seconds < 0.8


def test_an_error_is_raised_where_the_program_is_asked_for() -> None:
    compiler = Compiler()

    def broken() -> None:
        raise ValueError("cannot be compiled")

    compiler.ahead("broken", broken)
    with pytest.raises(ValueError, match="cannot be compiled"):
        compiler.program("broken", broken)
    assert compiler.program("sound", lambda: 1) == 1

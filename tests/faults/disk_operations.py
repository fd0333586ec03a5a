"""Every operation that changes what a disk holds, seen before it is done."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

OPERATIONS = ("open", "mkdir", "write", "fsync", "rename", "replace", "unlink", "rmdir")


@contextmanager
def watched(before: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Calls a function with the name and the arguments of every operation on a disk, before the operation is done."""

    def with_watch(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def watched_operation(*arguments: Any, **options: Any) -> Any:
            before(name, arguments)
            return operation(*arguments, **options)

        return watched_operation

    real = {name: getattr(os, name) for name in OPERATIONS}
    for name, operation in real.items():
        setattr(os, name, with_watch(name, operation))
    try:
        yield
    finally:
        for name, operation in real.items():
            setattr(os, name, operation)

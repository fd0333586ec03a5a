"""A Python function that takes a list of texts and returns a list of texts."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Literal

from neuralgpu.errors import UserError, shown, unknown_name
from neuralgpu.evaluation.adapters.answering import Account
from neuralgpu.evaluation.adapters.limits import Limits


class Function(Account):
    """Calls a function; what it prints goes to standard error, where it does not mix with results."""

    kind: Literal["python"] = "python"

    def __init__(self, name: str, function: Callable[[list[str]], object], limits: Limits) -> None:
        super().__init__()
        self.name = name
        self._function = function
        self._limits = limits
        self._answered = False
        self._raised = 0

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """Asks for all answers at once, or for each by itself where that raises.

        Raises:
            UserError: no list of as many answers came back, or the first inputs raised one after the other.
        """
        if not texts:
            return []
        try:
            returned = self._call(list(texts))
        except Exception:  # whatever the user's code raises; one by one, it is told of
            return [self._alone(text) for text in texts]
        return self._checked(returned, len(texts))

    def _alone(self, text: str) -> str | None:
        try:
            returned = self._call([text])
        except Exception as error:
            self._raised += 1
            if not self._answered and self._raised == self._limits.failures:
                raise UserError(
                    f"{self.name} raises {type(error).__name__}: {error}, at {shown(text)} and at every input before; "
                    "mend it, then judge again."
                ) from error
            return self.none(f"raised {type(error).__name__}")
        return self._checked(returned, 1)[0]

    def _call(self, texts: list[str]) -> object:
        with redirect_stdout(sys.stderr):
            return self._function(texts)

    def _checked(self, returned: object, count: int) -> list[str | None]:
        if not isinstance(returned, list) or len(returned) != count:
            came = f"a list of {len(returned)}" if isinstance(returned, list) else type(returned).__name__
            raise UserError(f"{self.name} returned {came} for {count} inputs; return a list with a text for each.")
        self._answered = True
        return [self._text(answer) for answer in returned]

    def _text(self, answer: object) -> str | None:
        return answer.strip() if isinstance(answer, str) else self.none("no text")


@contextmanager
def open_function(name: str, rest: str, limits: Limits) -> Iterator[Function]:
    """Imports a function; its folder, or the current one for a module, is on Python's path meanwhile.

    Args:
        name: what it is called.
        rest: PKG.MOD:FUNC or FILE.py:FUNC.
        limits: how many inputs may raise before any was answered.

    Raises:
        UserError: there is no such module or function, or it cannot be imported.
    """
    module, colon, function = rest.rpartition(":")
    if not (module and colon and function):
        raise UserError(f"{shown(name)} names no function; give python:PKG.MOD:FUNC or python:FILE.py:FUNC.")
    path = Path(module)
    is_file = path.suffix == ".py"
    folder = str(path.absolute().parent if is_file else Path.cwd())
    sys.path.insert(0, folder)
    try:
        loaded = _loaded(name, path if is_file else module)
        names = [key for key, value in vars(loaded).items() if callable(value) and not key.startswith("_")]
        if not hasattr(loaded, function):
            raise unknown_name(f"function in {module}", function, names)
        found = getattr(loaded, function)
        if not callable(found):
            raise UserError(f"{function!r} in {module} is {type(found).__name__}, not a function; name one that is.")
        yield Function(name, found, limits)
    finally:
        with suppress(ValueError):  # the user's code may have changed the path
            sys.path.remove(folder)


def _loaded(name: str, module: Path | str) -> ModuleType:
    try:
        with redirect_stdout(sys.stderr):
            return _run(module) if isinstance(module, Path) else import_module(module)
    except ModuleNotFoundError as error:
        if isinstance(module, str) and error.name and f"{module}.".startswith(f"{error.name}."):
            raise UserError(
                f"There is no module {module!r} here or among those installed; go to its folder, or give FILE.py:FUNC."
            ) from error
        raise UserError(f"{name} cannot be imported: {error}; install what is missing.") from error
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises; a script without a guard exits
        raise UserError(f"{name} cannot be imported: {type(error).__name__}: {error}.") from error


def _run(path: Path) -> ModuleType:
    spec = util.spec_from_file_location(f"model_of_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"{shown(str(path))} is not a Python file; give one with a function in it.")
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module

"""The application, and how it ends when something goes wrong."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from neuralgpu import __version__
from neuralgpu.cli import (
    bench,
    break_,
    checkpoint,
    config,
    demo,
    doctor,
    evaluate,
    extract,
    judge,
    models,
    report,
    reproduce,
    runs,
    sample,
    solve,
    suites,
    sweep,
    tasks,
    train,
    watch,
)
from neuralgpu.errors import UserError

app = typer.Typer(
    name="neuralgpu",
    help="Teaches a network an algorithm from short examples, then finds out whether it really learned it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"neuralgpu {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    tasks_from: Annotated[
        list[Path] | None,
        typer.Option("--tasks-from", metavar="F.py", help="Run a Python file and add its tasks; may be repeated."),
    ] = None,
) -> None:
    """Teaches a network an algorithm from short examples, then finds out whether it really learned it."""
    for path in tasks_from or []:
        from neuralgpu.tasks import add_tasks

        add_tasks(path)


COMMANDS = {
    "train": train.train,
    "sweep": sweep.sweep,
    "reproduce": reproduce.reproduce,
    "evaluate": evaluate.evaluate,
    "judge": judge.judge,
    "break": break_.break_run,
    "solve": solve.solve,
    "models": models.models,
    "sample": sample.sample,
    "tasks": tasks.tasks,
    "suites": suites.suites,
    "report": report.report,
    "extract": extract.extract,
    "runs": runs.runs,
    "watch": watch.watch,
    "checkpoint ls": checkpoint.ls,
    "checkpoint verify": checkpoint.verify,
    "checkpoint prune": checkpoint.prune,
    "config diff": config.diff,
    "config show": config.show,
    "doctor": doctor.doctor,
    "bench": bench.bench,
    "demo": demo.demo,
}
"""What is run, by what is typed: a word, or that of a group and one more."""
GROUPS = {
    "checkpoint": "Look at the checkpoints of a run, verify them, or remove those that are not needed.",
    "config": "Show a run's settings, or those in which two runs differ.",
}


def _register() -> None:
    groups: dict[str, typer.Typer] = {}
    for name, command in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(rich_markup_mode=None)
            app.add_typer(groups[group], name=group, help=GROUPS[group])
        (groups[group] if group else app).command(last)(command)


_register()


def main() -> None:
    """Runs the command line; an error that a user can mend is one line on standard error."""
    debug = "--debug" in sys.argv
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="neuralgpu", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except UserError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except typer.Abort:
        _fail("interrupted.", 130)
    except KeyboardInterrupt:
        if debug:
            raise
        _fail("interrupted.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'The disk'}: {error.strerror}; choose another place or make room.", 4)
    except Exception as error:
        usage = getattr(error, "format_message", None)
        if debug or usage is None:
            raise
        _fail(f"{_sentence(usage())} See 'neuralgpu {_command()}--help'.", getattr(error, "exit_code", 2))


def _command() -> str:
    words = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    typed = (" ".join(words[start : start + count]) for start in range(len(words)) for count in (2, 1))
    return next((f"{name} " for name in typed if name in COMMANDS or name in GROUPS), "")


def _sentence(text: str) -> str:
    return text if text.rstrip().endswith((".", "?")) else f"{text}."


def _fail(message: str, status: int) -> None:
    print(f"neuralgpu: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)

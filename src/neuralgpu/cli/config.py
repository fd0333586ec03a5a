"""neuralgpu config."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.cli.arguments import JsonOption

if TYPE_CHECKING:
    from neuralgpu.config import RunConfig

_ASKED_FOR = "badd"
"""The task that presets are completed for where nobody names one."""
SettingsArgument = Annotated[
    str, typer.Argument(metavar="SETTINGS", help="A run directory, a settings file (TOML) or a preset.")
]
ForTaskOption = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help=f"The task of a preset or of a file that names none; that of the other side, else {_ASKED_FOR}.",
    ),
]


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A run directory, a settings file (TOML) or a preset.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same; ./fast is a path where a preset is named so.")],
    task: ForTaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the settings in which two runs, files or presets differ.

    A preset or a file is completed as 'neuralgpu train' would do it.
    """
    sides = (first, second)
    named = task or next(filter(None, map(_own_task, sides)), _ASKED_FOR)
    one, other = (dict(_flat(_settings(given, named))) for given in sides)
    missing = object()
    differing = [key for key in {**one, **other} if one.get(key, missing) != other.get(key, missing)]
    if as_json:
        for key in differing:
            typer.echo(json.dumps({"setting": key, "a": one.get(key), "b": other.get(key)}))
        return
    if not differing:
        typer.echo(f"{first} and {second} have the same settings.", err=True)
        return
    rows = [("setting", *sides), *((key, _shown(one, key), _shown(other, key)) for key in differing)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for row in rows:
        typer.echo(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}")


def show(given: SettingsArgument, task: ForTaskOption = None, as_json: JsonOption = False) -> None:
    """Print every setting of a run, a settings file or a preset, as a TOML document that --config reads."""
    settings = _settings(given, task or _own_task(given) or _ASKED_FOR)
    if as_json:
        typer.echo(json.dumps(settings))
        return
    import tomli_w

    typer.echo(tomli_w.dumps(settings), nl=False)


def _own_task(given: str) -> str | None:
    """Returns the task that a run or a file names."""
    from neuralgpu.errors import UserError
    from neuralgpu.settings import preset_names, read_toml

    if given in preset_names():
        return None
    path = Path(given)
    try:
        named = read_toml(path / "config.toml" if path.is_dir() else path).get("task")
    except UserError:  # told of where the settings are read
        return None
    return named if isinstance(named, str) else None


def _settings(given: str, task: str) -> Mapping[str, Any]:
    """Returns all the settings of what the user named.

    Raises:
        UserError: it is nothing that has settings, or they are not possible.
        DamagedRunError: it is a run whose settings cannot be read.
    """
    from neuralgpu.config import plain
    from neuralgpu.run_directory import open_run
    from neuralgpu.settings import preset_names

    if given in preset_names():
        return plain(_completed(task, given, None))
    path = Path(given)
    if path.is_dir():
        return plain(open_run(path).config())
    if not path.is_file():
        raise _nothing(given)
    return plain(_completed(task, None, path))


def _completed(task: str, preset: str | None, file: Path | None) -> "RunConfig":
    """Lays a preset, or a file over the preset that it names, as `neuralgpu train TASK` does."""
    from neuralgpu.choice import chosen_config
    from neuralgpu.cli.train import DEFAULT_PRESET
    from neuralgpu.settings import read_toml

    written = read_toml(file) if file else {}
    named = preset or written.get("preset", DEFAULT_PRESET)
    seeds = written.get("seeds", [0])
    return chosen_config(task, str(named), written, [{"seeds": seeds}], (0,), None)


def _nothing(given: str) -> Exception:
    from neuralgpu.errors import UserError, nearest_name
    from neuralgpu.settings import preset_names

    names = preset_names()
    return UserError(
        f"{given!r} is no run directory, settings file or preset.{nearest_name(given, names)} "
        f"Give a path, or one of the presets: {', '.join(names)}."
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the settings by their full names."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _shown(settings: Mapping[str, Any], key: str) -> str:
    from neuralgpu.errors import shown

    return shown(settings[key]) if isinstance(settings[key], list) else json.dumps(settings[key])

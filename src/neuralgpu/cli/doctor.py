"""neuralgpu doctor."""

import json

import typer

from neuralgpu.cli.arguments import JsonOption


def doctor(as_json: JsonOption = False) -> None:
    """Show the device, the versions and the memory that runs will have."""
    from neuralgpu import devices

    devices.configure()
    found = devices.description()
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        values = value if isinstance(value, dict) else {name.replace("_", " "): value}
        for label, text in values.items():
            if text != []:
                typer.echo(f"{label:<18} {text}")

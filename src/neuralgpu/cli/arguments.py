"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, as 'neuralgpu train' makes it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line, on standard output.")]
CountOption = Annotated[int, typer.Option("--count", min=1, max=10_000_000, help="Number of inputs.")]

"""neuralgpu bench."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralgpu.cli.arguments import LONGEST_INPUT, JsonOption, whole_number

if TYPE_CHECKING:
    from neuralgpu.benchmark.measure import LeftOut, Measured
    from neuralgpu.benchmark.sizes import Size

DEFAULT_SECONDS = 300


def bench(
    channels: Annotated[int | None, whole_number("--channels", 3, 4096, "Channels of the state")] = None,
    length: Annotated[
        int | None, whole_number("--length", 1, LONGEST_INPUT, "Length of the inputs, in symbols; 41 by default")
    ] = None,
    seeds: Annotated[int | None, whole_number("--seeds", 1, 4096, "Number of seeds; 1 by default")] = None,
    batch: Annotated[int | None, whole_number("--batch", 1, 65_536, "Inputs for each seed; 32 by default")] = None,
    compute: Annotated[
        str | None, typer.Option("--compute", metavar="TYPE", help="'float32' or 'bfloat16'; float32 by default.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="'classic' (the paper's, by default), 'fast', 'resting' or 'steady'.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as memory=treeverse:8; may be repeated."),
    ] = None,
    seconds: Annotated[
        int | None,
        whole_number("--seconds", 1, 86_400, f"Leave out what would take longer in all; {DEFAULT_SECONDS} by default"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure training steps on this machine: the standard sizes, or one size of your own.

    Shows time, share of the machine's peak, padding, memory, and how time grows with the length of the inputs.
    """
    from neuralgpu import devices
    from neuralgpu.errors import UserError

    own = {"channels": channels, "length": length, "seeds": seeds, "batch": batch, "compute": compute, "preset": preset}
    given = {name: value for name, value in own.items() if value is not None}
    if settings:
        given["settings"] = tuple(settings)
    if given and seconds is not None:
        raise UserError("--seconds is for the standard sizes; give it alone, or leave it out for a size of your own.")
    devices.configure()
    from neuralgpu.benchmark.sizes import Size, growth_sizes, standard_sizes

    sizes = [Size(**given)] if given else [*standard_sizes(), *growth_sizes()]
    found: list[Measured | LeftOut] = []
    try:
        _measure(sizes, math.inf if given else float(seconds or DEFAULT_SECONDS), found, as_json)
    finally:  # Ctrl-C leaves what there is
        if found and not as_json:
            _show(found)


def _measure(sizes: "list[Size]", seconds: float, found: "list[Measured | LeftOut]", as_json: bool) -> None:
    """Adds to what was found, and prints it where JSON is asked for."""
    from neuralgpu import devices
    from neuralgpu.benchmark.growth import exponents, growth_points
    from neuralgpu.benchmark.measure import measured_within
    from neuralgpu.cli.progress import display

    def keep(record: dict[str, Any]) -> None:
        if as_json:
            typer.echo(json.dumps(record))

    keep({"kind": "machine", **_machine(), "versions": devices.versions()})
    with display("bench") as show:
        for one in measured_within(sizes, seconds, lambda done, size: show(done, len(sizes), str(size))):
            found.append(one)
            keep(one.record())
        show(len(sizes), len(sizes), "done")
    for lengths, fit in exponents(growth_points(found)):
        keep({"kind": "exponent", "lengths": lengths, **fit._asdict()})


def _show(found: "list[Measured | LeftOut]") -> None:
    """Prints the tables of what was measured."""
    from rich.console import Console

    from neuralgpu.benchmark.growth import growth_points
    from neuralgpu.benchmark.measure import Measured
    from neuralgpu.benchmark.tables import COLUMNS, STEP_NOTES, growth_table, growth_text, number_text, steps_table

    measured = [one for one in found if isinstance(one, Measured)]
    rates: dict[str, float] = {}
    for one in measured:
        rates[one.size.compute] = max(one.matrix_rate, rates.get(one.size.compute, 0.0))
    parts = [f"{name} {value}" for name, value in _machine().items()]
    products = [f"{number_text(rate)}FLOP/s {compute}" for compute, rate in rates.items()]
    typer.echo(f"{', '.join(parts)}; matrix products, at most: {', '.join(products)}\n")
    console = Console(width=COLUMNS)
    console.print(steps_table([one for one in measured if one.size.purpose == "step"]))
    typer.echo(STEP_NOTES)
    if points := growth_points(found):
        console.print()
        console.print(growth_table(points))
        typer.echo(growth_text(points))
    for one in found:
        if not isinstance(one, Measured):
            typer.echo(f"Left out: {one.size}, about {one.seconds:.0f} s; --seconds gives more time.", err=True)


def _machine() -> dict[str, Any]:
    import jax

    from neuralgpu import devices

    return {"device": devices.device_name(), "devices": jax.local_device_count(), "cores": devices.cores()}

"""What `neuralgpu reproduce --dry-run` shows."""

from collections.abc import Sequence

from rich.table import Table

from neuralgpu.experiments.costs import Planned, known_devices


def plan_table(plan: Sequence[Planned]) -> Table:
    """Builds the table of what there is to do: a line for each sweep and each measurement."""
    table = Table(box=None, pad_edge=False)
    table.add_column("For", no_wrap=True)
    table.add_column("What", no_wrap=True)
    for column in ("Trainings", "Done", *(f"Hours, {device.name}" for device in known_devices())):
        table.add_column(column, justify="right")
    for line in plan:
        trained = bool(line.trainings)
        hours = [hours_text(hours) for hours in line.hours.values()] if trained else []
        count = f"{line.trainings:,}" if trained else "–"
        table.add_row(line.experiment, line.what, count, f"{line.done:,}" if trained else _yes(line.done), *hours)
    return table


def plan_text(plan: Sequence[Planned]) -> str:
    """Says what all of it costs at most, and what the estimates rest on."""
    trainings, done = sum(line.trainings for line in plan), sum(line.done for line in plan if line.trainings)
    devices = known_devices()
    totals = {device.name: sum(line.hours.get(device.name, 0) for line in plan) for device in devices}
    told = ", ".join(f"{hours_text(hours)} hours on {name}" for name, hours in totals.items())
    rests = "; ".join(f"{device.name}: {device.about}" for device in devices)
    return (
        f"{trainings:,} trainings, {done:,} of them done. All of them: at most {told}, judging not counted, if "
        f"every seed moved on to longer inputs after every epoch ({rests})."
    )


def hours_text(hours: float) -> str:
    """Writes hours with as many digits as an estimate deserves.

    >>> hours_text(0.001), hours_text(0.0213), hours_text(2.34), hours_text(328457.0)
    ('< 0.01', '0.02', '2.3', '328,457')
    """
    if 0 < hours < 0.01:
        return "< 0.01"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2f}"


def _yes(done: int) -> str:
    return "yes" if done else "no"

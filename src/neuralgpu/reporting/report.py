"""Writes a run's report: one HTML file that needs nothing else."""

import shlex
from pathlib import Path

from matplotlib.figure import Figure

from neuralgpu import __version__
from neuralgpu.reporting import captions, digits, tables
from neuralgpu.reporting.figures import error_against_carry, error_against_length, learning_curve
from neuralgpu.reporting.history import of_kind
from neuralgpu.reporting.page import TEMPLATES, Exhibit, exhibit, write_page
from neuralgpu.reporting.run_record import RunRecord, read_run
from neuralgpu.reporting.summary import latest_rows, of_suite, summarise
from neuralgpu.reporting.verdict import reach_verdict
from neuralgpu.reporting.wording import average_of


def write_report(run: Path) -> Path:
    """Writes `report.html` into a run directory from its configuration, events, results and examples.

    An older report is replaced in one step: whoever opens the file finds the old one or the new one.

    Returns:
        The path of the report.

    Raises:
        UserError: the path is not a run directory.
        DamagedRunError: a file in it cannot be read.
        StorageError: the report cannot be written.
    """
    return write_page(run / "report.html", render(read_run(run)))


def render(record: RunRecord) -> str:
    """Renders the report of a run as HTML."""
    latest = latest_rows(record.rows)
    summaries = summarise(latest)
    columns = tables.table_columns(summaries)
    groups = {
        title: [tables.table_cells(summary, columns) for summary in group]
        for title, group in tables.suite_groups(summaries).items()
    }
    shown = digits.first_to_show(record.examples)
    return TEMPLATES.get_template("report.html.j2").render(
        name=record.path.resolve().name,
        task=record.start["task"] if record.start else "",
        command=record.start["command"] if record.start else "",
        evaluate=f"neuralgpu evaluate {shlex.quote(str(record.path))}",
        verdict=reach_verdict(record),
        training_facts=captions.training_facts(record),
        selection=captions.selection_statement(record),
        exhibits=_exhibits(record),
        columns=columns,
        groups=groups,
        notes=tables.table_notes(columns),
        steps=" and ".join(f"{step:,}" for step in sorted({row.step or 0 for row in latest})),
        left_out=len(record.rows) - len(latest),
        sums=[(example, digits.compare(example["target"], example["output"])) for example in shown],
        elide=digits.elide_operands,
        average_of=average_of,
        config=record.config_text,
        version=__version__,
    )


def _exhibits(record: RunRecord) -> list[Exhibit]:
    """Draws the figures that there is data for."""
    exhibits: list[Exhibit] = []

    def show(heading: str, figure: Figure, caption: str) -> None:
        exhibits.append(exhibit(heading, figure, caption))

    if of_kind(record.events, "progress"):
        show("Learning curve", learning_curve(record.events), captions.learning_caption(record))
    rows = record.task_rows
    summaries = summarise(rows)
    random, carry = of_suite(summaries, "random"), of_suite(summaries, "carry")
    if random:
        figure = error_against_length(rows, record.trained_to)
        scale = "The axis of errors is logarithmic, below 1% linear."
        show("Longer inputs", figure, f"{captions.error_caption(random, 'length')} {scale}")
    if carry:
        show("Longer carries", error_against_carry(rows), captions.error_caption(carry, "carry length"))
    return exhibits

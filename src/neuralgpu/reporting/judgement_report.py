"""Writes a judgement's report: one HTML page that needs nothing else, and the same as Markdown."""

from pathlib import Path
from typing import Any

from neuralgpu import __version__
from neuralgpu.judgement_record import COUNTEREXAMPLES_FILE
from neuralgpu.reporting import digits, judgement_tables
from neuralgpu.reporting.captions import error_caption
from neuralgpu.reporting.figures import error_against_length
from neuralgpu.reporting.judgement import Findings, read_judgement
from neuralgpu.reporting.judgement_figures import (
    error_against_carries,
    errors_of_suites,
    table_of_digits,
    thresholds_of_seeds,
)
from neuralgpu.reporting.judgement_verdict import reach_judgement
from neuralgpu.reporting.page import TEMPLATES, Exhibit, exhibit, write_page
from neuralgpu.reporting.summary import of_suite
from neuralgpu.reporting.tail import fit_tail
from neuralgpu.reporting.wording import plural

_SHOWN = 10
"""Counterexamples on the page."""
_FEWEST_SEEDS = 3
"""Seeds from which on their thresholds are a distribution."""


def write_judgement_report(folder: Path) -> tuple[Path, Path]:
    """Writes `report.html` and `report.md` into the folder of a judgement.

    Returns:
        The paths of both.

    Raises:
        UserError: the folder is no judgement's.
        DamagedRunError: a file in it cannot be read.
        StorageError: a report cannot be written.
    """
    findings = read_judgement(folder)
    known = _known(findings)
    page = TEMPLATES.get_template("judgement.html.j2").render(known, exhibits=_exhibits(findings))
    appendix = TEMPLATES.get_template("judgement.md.j2").render(known)
    return write_page(folder / "report.html", page), write_page(folder / "report.md", appendix)


def _known(findings: Findings) -> dict[str, Any]:
    record = findings.record
    columns = judgement_tables.judged_columns(findings)
    shown = findings.counterexamples[:_SHOWN]
    kinds: dict[str, list[tuple[dict[str, Any], digits.Comparison]]] = {}
    for one in shown:
        kinds.setdefault(one["kind"], []).append((one, digits.compare(one["target"], one["output"])))
    again = f"neuralgpu evaluate RUN --suite file:{findings.folder / COUNTEREXAMPLES_FILE}"
    return {
        "name": record.model,
        "task": record.task,
        "verdict": reach_judgement(findings),
        "command": record.command,
        "again": again if record.kind == "run" else None,
        "facts_known": judgement_tables.facts(findings),
        "suites_columns": judgement_tables.SUITES_COLUMNS,
        "suite_lines": judgement_tables.suite_lines(findings),
        "columns": columns,
        "groups": {
            suite: [judgement_tables.judged_cells(summary, columns) for summary in summaries]
            for suite, summaries in findings.suites.items()
        },
        "note": judgement_tables.CERTAINTY_NOTE,
        "kinds": kinds,
        "several": len(record.seeds) > 1,
        "found": len(findings.counterexamples),
        "shown": len(shown),
        "none_found": "None was found." if not record.ended else "Wrong inputs were not shrunk.",
        "elide": digits.elide_operands,
        "plural": plural,
        "version": __version__,
    }


def _exhibits(findings: Findings) -> list[Exhibit]:
    """Draws the figures that there is data for."""
    record, suites = findings.record, findings.suites
    exhibits: list[Exhibit] = []
    lengths = sorted(
        {row.length for row in findings.rows if row.suite == "random"} or {r.length for r in findings.rows}
    )
    if suites:
        caption = (
            "Median over the seeds. " if len(record.seeds) > 1 else ""
        ) + "Bold: not all right; –: no such inputs. Intervals are in the table."
        exhibits.append(exhibit("Suites and lengths", errors_of_suites(suites, lengths), caption))
    random = of_suite(suites.get("random", []), "random", averages=record.averaged is not None)
    if random:
        figure = error_against_length(findings.rows, record.trained_to, averages=record.averaged is not None)
        caption = f"{error_caption(random, 'length')} The axis of errors is logarithmic, below 1% linear."
        exhibits.append(exhibit("Longer inputs", figure, caption))
    carries = {name: found for name, found in suites.items() if name.startswith("carry")}
    if carries:
        told = "; ".join(f"{name}: {judgement_tables.threshold_text(findings.thresholds_of(name))}" for name in carries)
        caption = f"Carry length from which on at least half of the sums are wrong: {told}."
        exhibits.append(exhibit("Longer carries", error_against_carries(carries), caption))
    if findings.zeros:
        figure = table_of_digits(findings.zeros, record.sign or "?", record.base)
        who = "×: wrong" if len(findings.zeros) == 1 else "number of seeds that are wrong"
        wrong = sum(not right for line in findings.zeros for *_, right in line["pairs"])
        asked = sum(len(line["pairs"]) for line in findings.zeros)
        caption = f"Every pair of single digits, as in the paper's Table 3 ({who}; ·: right): {wrong} of {asked} wrong."
        exhibits.append(exhibit("Leading zeros", figure, caption))
    for name in carries:
        rows = findings.thresholds_of(name)
        met = [row.threshold for row in rows if row.threshold is not None]
        if len(rows) < _FEWEST_SEEDS or not met:
            continue
        beyond = [row.size for row in rows if row.threshold is None]
        caption = (
            f"{len(met)} of {len(rows)} seeds lose carries; of the others it is known up to {max(beyond)} digits."
            if beyond
            else f"All {len(rows)} seeds lose carries."
        )
        figure = thresholds_of_seeds(rows, fit_tail(met, beyond))
        exhibits.append(exhibit(f"Thresholds over seeds: {name}", figure, caption))
    return exhibits

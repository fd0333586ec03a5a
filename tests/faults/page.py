"""The table of faults on the page docs/faults.md."""

import re
from collections.abc import Iterable
from pathlib import Path

from .registry import Fault, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- made by make faults: begin -->", "<!-- made by make faults: end -->"
HEADER = ["| | fault | what has to hold | trials | lost | undetected | seen |", "|---|---|---|---|---|---|---|"]
_ROW = re.compile(r"^\| (\d+) \| (.+?) \|", flags=re.MULTILINE)


def row(fault: Fault, outcome: Outcome) -> str:
    """Returns a fault's line of the table."""
    cells = fault.number, fault.title, fault.criterion, f"{outcome.trials:,}", outcome.lost, outcome.undetected
    return f"| {' | '.join(map(str, cells))} | {outcome.note} |"


def write(rows: Iterable[str], machine: str) -> None:
    """Puts the table into the page, between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table = "\n".join([BEGIN, f"On {machine}:", "", *HEADER, *rows, END])
    PAGE.write_text(before + table + rest.partition(END)[2], encoding="utf-8")


def listed() -> list[tuple[int, str]]:
    """Returns number and title of the faults in the page's table."""
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return [(int(number), title) for number, title in _ROW.findall(table)]

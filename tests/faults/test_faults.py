"""The short form of `make faults`."""

from pathlib import Path

import pytest

from . import page
from .registry import Fault, all_faults


@pytest.mark.parametrize("fault", all_faults(), ids=lambda fault: f"{fault.number} {fault.title}")
def test_nothing_is_lost_and_nothing_passes_unnoticed(fault: Fault, tmp_path: Path) -> None:
    outcome = fault.inject(fault.short, tmp_path)
    assert outcome.trials > 0
    assert (outcome.lost, outcome.undetected) == (0, 0), outcome.note


def test_the_page_has_every_fault() -> None:
    assert page.listed() == [(fault.number, fault.title) for fault in all_faults()], "run 'make faults'"

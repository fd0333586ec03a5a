"""The models that come with the package are whole, do what their cards say, and are small."""

from pathlib import Path

import numpy as np
import pytest

from neuralgpu.checkpoint import examine
from neuralgpu.errors import UserError
from neuralgpu.evaluation.models import load_models
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import examine as asked
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.judgement_record import read_judgement_record
from neuralgpu.reporting.judgement_report import write_judgement_report
from neuralgpu.shipped import CARD, copy_shipped, find_shipped, shipped_names

NAMES = shipped_names()


def test_there_are_some_and_they_are_small() -> None:
    assert NAMES
    files = [path for name in NAMES for path in find_shipped(name).path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20e6


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_whole(name: str) -> None:
    run = find_shipped(name)
    [finding] = examine(run.checkpoints)
    assert finding.damage is None
    record = read_judgement_record(run.judgement)
    assert (record.model, record.task, record.step) == (name, run.config().task, finding.step)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_what_the_examiner_writes(name: str, tmp_path: Path) -> None:
    run = copy_shipped(name, tmp_path / name)
    card = (run.path / CARD).read_text(encoding="utf-8")
    assert write_judgement_report(run.judgement)[1].read_text(encoding="utf-8") == card


@pytest.mark.parametrize("name", NAMES)
def test_a_short_examination_is_passed(name: str) -> None:
    models = load_models(find_shipped(name))
    suites = [find_suite(suite) for suite in ("random", "carry-low", "carry-overflow")]
    questions = [Question(suite, models.task, max(suite.sizes(models.task, 101)), 32) for suite in suites]
    for finding in asked(models, questions, 1, lambda question, done: None):
        assert not np.any(finding.wrong)


def test_an_unknown_one_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="There is no shipped model 'bad'"):
        find_shipped("bad")


def test_a_copy_replaces_no_run(tmp_path: Path) -> None:
    copy_shipped(NAMES[0], tmp_path / "run")
    with pytest.raises(UserError, match="already holds a run"):
        copy_shipped(NAMES[0], tmp_path / "run")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file; choose another --copy"):
        copy_shipped(NAMES[0], tmp_path / "file")

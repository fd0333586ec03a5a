"""Judges a subject: the standard examination, thresholds, and the smallest inputs that it gets wrong."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from neuralgpu.evaluation.examination import ZEROS
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import Finding, examine
from neuralgpu.evaluation.search import Counterexample, find_counterexamples, shrunk
from neuralgpu.evaluation.search.substitution import Gradients
from neuralgpu.evaluation.subject import Subject
from neuralgpu.evaluation.suites import Suite
from neuralgpu.evaluation.threshold import Tally, find_thresholds
from neuralgpu.judgement_record import COUNTEREXAMPLES_FILE, ROWS_FILE, THRESHOLDS_FILE, ZEROS_FILE
from neuralgpu.rows import ResultRow, ThresholdRow, append_lines, append_rows, replace_lines

Watch = Callable[[int, int, str], None]
"""Told how many inputs are done, of how many that are planned, and what is being asked."""
_FAILING_KEPT = 4
"""Wrong inputs of a question that are shrunk."""
_SHRUNK = 64


@dataclass
class Judgement:
    """What was found so far."""

    rows: list[ResultRow] = field(default_factory=list)
    thresholds: list[ThresholdRow] = field(default_factory=list)
    counterexamples: list[Counterexample] = field(default_factory=list)
    asked: int = 0
    """Inputs asked for rows and thresholds."""


def judge(
    subject: Subject,
    questions: Sequence[Question],
    *,
    seed: int,
    longest: int,
    seconds: float,
    folder: Path,
    watch: Watch,
    gradients: Gradients | None = None,
    leave_out: Iterable[int] = (),
) -> Judgement:
    """Asks everything, and writes what is found into a folder as it is found.

    Args:
        subject: who is asked.
        questions: the examination; asked until the answers are certain.
        seed: decides the inputs.
        longest: no input is longer.
        seconds: time in which counterexamples are shrunk, or searched for where nothing was wrong; 0 for none.
        folder: where the files of a judgement go; those that are there are replaced.
        watch: shows how far it is.
        gradients: the subject's, for the search.
        leave_out: seeds whose counterexamples do not count, such as those that diverged.

    Raises:
        StorageError: the disk refused.
    """
    judgement = Judgement()
    for name in (ROWS_FILE, THRESHOLDS_FILE, ZEROS_FILE, COUNTEREXAMPLES_FILE):
        replace_lines(folder / name, [])
    planned = sum(question.count for question in questions)
    total = planned + len({question.suite for question in questions}) + 1
    tallies: dict[Suite, dict[int, Tally]] = {}
    failing: dict[str, str] = {}
    done = 0

    def asking(question: Question, count: int) -> None:
        watch(done + count, total, f"{question.suite.name} {question.suite.size_name} {question.size}")

    findings = examine(subject, list(questions), seed, asking, until_certain=True)
    for question, finding in zip(questions, findings, strict=True):
        done += question.count
        judgement.asked += len(finding.asked)
        judgement.rows += finding.rows
        append_rows(folder / ROWS_FILE, finding.rows)
        if question.suite.name == "leading-zeros" and question.size == _most_zeros(questions):
            append_lines(folder / ZEROS_FILE, _pairs(subject, question, finding))
        complete = len(finding.asked) < question.count and finding.rows[0].planned is None
        tally = Tally(len(finding.asked), finding.wrong.sum(axis=1), complete)
        tallies.setdefault(question.suite, {})[question.size] = tally
        wrong = np.flatnonzero(finding.wrong.any(axis=0))[:_FAILING_KEPT]
        failing |= {finding.asked[index].input: question.suite.name for index in wrong}

    for number, (suite, known) in enumerate(tallies.items()):
        before = sum(tally.count for tally in known.values())

        def bisecting(size: int, count: int, suite: Suite = suite, done: int = planned + number) -> None:
            watch(done, total, f"threshold of {suite.name}: {suite.size_name} {size}")

        found = find_thresholds(subject, suite, known, longest, seed, bisecting)
        judgement.thresholds += found
        judgement.asked += found[0].count - before
        append_lines(folder / THRESHOLDS_FILE, map(asdict, found))

    if seconds > 0:
        what = f"shrinking {len(failing)} wrong inputs" if failing else "searching for wrong inputs"
        watch(total - 1, total, f"{what}, for {seconds:g} s at most")
        if failing:
            judgement.counterexamples = shrunk(subject, failing, limit=_SHRUNK, seconds=seconds)
        else:
            searched = find_counterexamples(
                subject, seconds=seconds, seed=seed, longest=longest, gradients=gradients, leave_out=tuple(leave_out)
            )
            judgement.counterexamples = list(searched.counterexamples)
        replace_lines(folder / COUNTEREXAMPLES_FILE, (one.record() for one in judgement.counterexamples))
    watch(total, total, "done")
    return judgement


def _most_zeros(questions: Iterable[Question]) -> int:
    sizes = [question.size for question in questions if question.suite.name == "leading-zeros"]
    return max((size for size in sizes if size <= ZEROS), default=0)


def _pairs(subject: Subject, question: Question, finding: Finding) -> list[dict[str, object]]:
    """Says of every pair of single digits behind zeros whether it was answered rightly."""
    operands = [(int(text[question.size]), int(text[-1])) for text in (example.input for example in finding.asked)]
    return [
        {
            "seed": seed,
            "averaged": subject.averaged,
            "zeros": question.size,
            "pairs": [[*pair, not one] for pair, one in zip(operands, wrong.tolist(), strict=True)],
        }
        for seed, wrong in zip(subject.answering, finding.wrong, strict=True)
    ]

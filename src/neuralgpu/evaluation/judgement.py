"""Judges a subject: the standard examination, thresholds, and the smallest inputs that it gets wrong."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from neuralgpu.errors import UserError
from neuralgpu.evaluation.budget import BudgetSpentError
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
    ended: str | None = None
    """Why not everything was asked; None where everything was."""


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
        UserError: what may be spent was spent before anything was found.
        StorageError: the disk refused.
    """
    for name in (ROWS_FILE, THRESHOLDS_FILE, ZEROS_FILE, COUNTEREXAMPLES_FILE):
        replace_lines(folder / name, [])
    judging = _Judging(subject, questions, seed, longest, folder, watch)
    found = judging.found
    try:
        judging.examine()
        judging.bisect()
        if seconds > 0:
            judging.search(seconds, gradients, tuple(leave_out))
    except BudgetSpentError as error:
        found.ended = str(error)
    if not found.rows:
        raise UserError(f"Nothing was found out, since {found.ended}; allow more, or ask less with --count or --suite.")
    judging.done()
    return found


class _Judging:
    """The parts of a judgement, one after the other."""

    def __init__(
        self,
        subject: Subject,
        questions: Sequence[Question],
        seed: int,
        longest: int,
        folder: Path,
        watch: Watch,
    ) -> None:
        self.found = Judgement()
        self._subject, self._questions, self._seed, self._longest = subject, list(questions), seed, longest
        self._folder, self._watch = folder, watch
        self._planned = sum(question.count for question in questions)
        self._total = self._planned + len({question.suite for question in questions}) + 1
        self._tallies: dict[Suite, dict[int, Tally]] = {}
        self._failing: dict[str, str] = {}

    def examine(self) -> None:
        """Asks the questions."""
        found, folder, done = self.found, self._folder, 0

        def asking(question: Question, count: int) -> None:
            self._watch(done + count, self._total, f"{question.suite.name} {question.suite.size_name} {question.size}")

        findings = examine(self._subject, self._questions, self._seed, asking, until_certain=True)
        for question, finding in zip(self._questions, findings, strict=True):
            done += question.count
            found.asked += len(finding.asked)
            found.rows += finding.rows
            append_rows(folder / ROWS_FILE, finding.rows)
            if question.suite.name == "leading-zeros" and question.size == _most_zeros(self._questions):
                append_lines(folder / ZEROS_FILE, _pairs(self._subject, question, finding))
            complete = len(finding.asked) < question.count and finding.rows[0].planned is None
            tally = Tally(len(finding.asked), finding.wrong.sum(axis=1), complete)
            self._tallies.setdefault(question.suite, {})[question.size] = tally
            wrong = np.flatnonzero(finding.wrong.any(axis=0))[:_FAILING_KEPT]
            self._failing |= {finding.asked[index].input: question.suite.name for index in wrong}

    def bisect(self) -> None:
        """Finds the thresholds."""
        for done, (suite, known) in enumerate(self._tallies.items(), self._planned):
            before = sum(tally.count for tally in known.values())

            def bisecting(size: int, count: int, suite: Suite = suite, done: int = done) -> None:
                self._watch(done, self._total, f"threshold of {suite.name}: {suite.size_name} {size}")

            rows = find_thresholds(self._subject, suite, known, self._longest, self._seed, bisecting)
            self.found.thresholds += rows
            self.found.asked += rows[0].count - before
            append_lines(self._folder / THRESHOLDS_FILE, map(asdict, rows))

    def search(self, seconds: float, gradients: Gradients | None, leave_out: tuple[int, ...]) -> None:
        """Shrinks what was answered wrongly; searches for it where nothing was."""
        failing = self._failing
        what = f"shrinking {len(failing)} wrong inputs" if failing else "searching for wrong inputs"
        self._watch(self._total - 1, self._total, f"{what}, for {seconds:g} s at most")
        if failing:
            counterexamples = shrunk(self._subject, failing, limit=_SHRUNK, seconds=seconds)
        else:
            counterexamples = find_counterexamples(
                self._subject,
                seconds=seconds,
                seed=self._seed,
                longest=self._longest,
                gradients=gradients,
                leave_out=leave_out,
            ).counterexamples
        self.found.counterexamples = list(counterexamples)
        replace_lines(self._folder / COUNTEREXAMPLES_FILE, (one.record() for one in counterexamples))

    def done(self) -> None:
        """Says so."""
        self._watch(self._total, self._total, "done")


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

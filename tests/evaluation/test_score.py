from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from neuralgpu.devices import versions
from neuralgpu.evaluation.models import TrainedModels
from neuralgpu.evaluation.questions import Question
from neuralgpu.evaluation.score import Finding, examine
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.tasks import find_task


@dataclass(frozen=True)
class Told(TrainedModels):
    """Answers rightly but for what it is told to spoil."""

    spoiled: dict[int, list[tuple[int, int]]]
    """For each seed: the inputs and the positions of the wrong symbols."""

    def outputs(self, grids: np.ndarray, mask: np.ndarray) -> Iterator[np.ndarray]:
        """Yields the right symbols in batches of three, apart from those to be spoiled."""
        right = np.zeros((len(self.seeds), *mask.shape), np.int32)
        for index, grid in enumerate(grids):
            symbols = self.task.encode_output(self.task.solve(self.task.decode_input(grid)), len(grid))
            right[:, index, : len(symbols)] = symbols
        # Where nothing is asked for, anything goes.
        right = np.where(right == 0, 7, right)
        for row, seed in enumerate(self.seeds):
            for index, position in self.spoiled.get(seed, []):
                right[row, index, position] = 9
        for start in range(0, len(grids), 3):
            yield right[:, start : start + 3]


def told(models: TrainedModels, task: str = "badd", **spoiled: list[tuple[int, int]]) -> Told:
    known: dict[str, Any] = {field.name: getattr(models, field.name) for field in fields(TrainedModels)}
    known["task"] = find_task(task)
    return Told(**known, spoiled={int(seed.removeprefix("seed")): where for seed, where in spoiled.items()})


def asked(models: TrainedModels, question: Question, seed: int = 0) -> Finding:
    [finding] = examine(models, [question], seed, lambda question, done: None)
    return finding


@pytest.mark.parametrize("task", ["badd", "addz", "qmule", "mul"])
def test_right_answers_have_no_error(models: TrainedModels, task: str) -> None:
    finding = asked(told(models, task), Question(find_suite("random"), find_task(task), 9, 10))
    assert [(row.sequence_error, row.symbol_error, row.ci_low) for row in finding.rows] == [(0.0, 0.0, 0.0)] * 2
    assert all(example["output"] == example["target"] for example in finding.examples)
    assert len(finding.examples) == 2  # a right one of each seed


def test_a_known_number_of_wrong_symbols(models: TrainedModels) -> None:
    wrong = [(1, 0), (1, 8), (4, 3), (6, 6), (7, 1)]
    first, second = asked(told(models, seed9=wrong), Question(find_suite("random"), find_task("badd"), 9, 10)).rows
    assert (first.seed, first.sequence_error) == (3, 0.0)
    interval = binomtest(4, 10).proportion_ci(0.95, method="wilson")
    assert asdict(second) == {
        "run": "tiny",
        "seed": 9,
        "averaged": None,
        "step": 20,
        "task": "badd",
        "layout": "padded",
        "suite": "random",
        "length": 9,
        "size": None,
        "count": 10,
        "planned": None,
        "sequence_error": 0.4,
        "symbol_error": 5 / 90,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "first_wrong": 2.0,
        "versions": versions(),
    }


def test_wrong_answers_are_shown_first(models: TrainedModels) -> None:
    wrong = [(2, 0), (5, 0), (6, 0), (7, 0)]
    finding = asked(told(models, seed3=wrong), Question(find_suite("carry"), find_task("badd"), 3, 8))
    of_first = [example for example in finding.examples if example["seed"] == 3]
    assert [example["output"] == example["target"] for example in of_first] == [False, False, False, True]
    task = find_task("badd")
    for example in of_first[:3]:
        output, target = str(example["output"]), str(example["target"])
        assert (output[:-1], output[-1]) == (target[:-1], "?")
        assert target == task.solve(str(example["input"]))
    assert {(example["suite"], example["length"], example["step"]) for example in finding.examples} == {
        ("carry", 9, 20)
    }


def test_rows_follow_from_the_models_own_outputs(models: TrainedModels) -> None:
    question = Question(find_suite("random"), find_task("badd"), 9, 4)
    finding = asked(models, question)
    shown = finding.examples
    for row, seed in zip(finding.rows, models.seeds, strict=True):
        assert row.seed == seed
        texts = {str(example["input"]): example["output"] for example in shown if example["seed"] == seed}
        answers = dict(zip(texts, models.answers(list(texts))[models.seeds.index(seed)], strict=True))
        assert answers == texts


def test_numbers_by_hand(models: TrainedModels) -> None:
    question = Question(find_suite("random"), find_task("badd"), 9, 7)
    rng = np.random.default_rng([0x54455354, 5, 9])
    examples = question.suite.examples(models.task, 9, 7, rng)
    answers = models.answers([example.input for example in examples])
    for row, of_seed in zip(asked(models, question, seed=5).rows, answers, strict=True):
        pairs = [(answer.rjust(9, "_"), example.target) for answer, example in zip(of_seed, examples, strict=True)]
        wrong = [sum(a != b for a, b in zip(answer, target, strict=True)) for answer, target in pairs]
        assert row.sequence_error == sum(map(bool, wrong)) / 7
        assert row.symbol_error == sum(wrong) / 63


def test_an_average_has_one_row_that_says_of_how_many(models: TrainedModels) -> None:
    together = replace(models, average=True)
    question = Question(find_suite("random"), find_task("badd"), 9, 7)
    finding = asked(together, question)
    assert [(row.seed, row.averaged, row.count) for row in finding.rows] == [(None, 2, 7)]
    assert {(example["seed"], example["averaged"]) for example in finding.examples} == {(None, 2)}
    [example, *_] = finding.examples
    assert together.answers([str(example["input"])]) == [[example["output"]]]


def test_the_watcher_hears_of_every_batch(models: TrainedModels) -> None:
    heard: list[tuple[int, int]] = []
    questions = [
        Question(find_suite("random"), find_task("badd"), 9, 7),
        Question(find_suite("carry"), find_task("badd"), 2, 2),
    ]
    findings = list(examine(told(models), questions, 0, lambda question, done: heard.append((question.length, done))))
    assert heard == [(9, 3), (9, 6), (9, 7), (7, 2)]
    assert [(row.suite, row.size) for finding in findings for row in finding.rows] == [
        ("random", None),
        ("random", None),
        ("carry", 2),
        ("carry", 2),
    ]


def test_inputs_follow_the_seed_alone(models: TrainedModels) -> None:
    question = Question(find_suite("random"), find_task("badd"), 41, 6)
    inputs = [[example["input"] for example in asked(told(models), question, seed).examples] for seed in (1, 1, 2)]
    assert inputs[0] == inputs[1] != inputs[2]

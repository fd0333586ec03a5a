from collections import Counter

import pytest

from neuralgpu.errors import UserError
from neuralgpu.evaluation.examination import inputs_at, standard_questions
from neuralgpu.evaluation.suites import suites_for
from neuralgpu.tasks import find_task


@pytest.mark.parametrize("task", ["badd", "add", "mul", "qmule", "sort"])
def test_every_suite_that_fits_is_asked_up_to_the_longest_input(task: str) -> None:
    found = find_task(task)
    questions = standard_questions(found, 512, 401)
    assert list(dict.fromkeys(question.suite for question in questions)) == suites_for(found)
    assert all(question.length <= 401 for question in questions)
    asked = Counter((question.suite.name, question.size) for question in questions)
    assert set(asked.values()) == {1}
    for suite in suites_for(found):
        sizes = [question.size for question in questions if question.suite is suite]
        assert sizes == sorted(sizes) and sizes[-1] == max(suite.sizes(found, 401))


def test_long_inputs_are_asked_less_often_but_for_random_ones_and_the_papers_table() -> None:
    questions = standard_questions(find_task("add"), 512, 401)
    counts = {(question.suite.name, question.length): question.count for question in questions}
    assert counts["equal", 41] == 512
    assert counts["equal", 401] == inputs_at(401, 512) == 8
    assert counts["random", 401] == 4 * counts["equal", 401]
    # 100 pairs of single digits behind 99 zeros
    assert counts["leading-zeros", 201] == 100
    assert counts["leading-zeros", 401] < 100


def test_no_length_is_asked_more_often_than_it_is_told() -> None:
    questions = standard_questions(find_task("badd"), 8, 61)
    assert {question.count for question in questions} == {8}
    assert max(question.length for question in questions) <= 61


def test_a_choice_of_suites_keeps_its_order() -> None:
    questions = standard_questions(find_task("badd"), 8, 25, ["nines", "random"])
    assert list(dict.fromkeys(question.suite.name for question in questions)) == ["nines", "random"]


def test_a_suite_without_inputs_for_the_task_is_refused() -> None:
    with pytest.raises(UserError, match="divisions"):
        standard_questions(find_task("badd"), 8, 25, ["divisions"])

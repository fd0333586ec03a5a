"""Inputs in a field of spaces."""

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task
from neuralgpu.tasks.spaced import FIELD_ROWS
from neuralgpu.tasks.symbols import SPACE

_ = SPACE


def test_an_input_lies_where_its_text_says() -> None:
    task = find_task("sbadd")
    assert task.encode("1+0 @ 2,1 of 5").T.tolist() == [[_] * 5, [_] * 5, [_, 2, 11, 1, _], [_] * 5]
    assert task.encode("1+0").T.tolist() == [[2, 11, 1, _], [_] * 4, [_] * 4, [_] * 4]
    assert task.solve("1+0 @ 2,1 of 5") == "001"
    assert task.encode_output("001", 5).tolist() == [2, 1, 1, _, _]
    assert task.decode(np.array([2, 1, 1, _, _])) == "001"


def test_aligned_inputs_take_two_rows_and_what_they_leave_free_is_space() -> None:
    task = find_task("sbadde")
    assert task.encode("1+0 @ 1,1 of 4").T.tolist() == [[_] * 4, [_, 2, _, _], [_, 1, 11, _], [_] * 4]
    assert task.decode_input(task.encode("1+0 @ 1,1 of 4")) == "1+0 @ 1,1 of 4"


def test_sequences_are_spaced_too() -> None:
    assert find_task("scopy").solve("0110 @ 3,2 of 7") == "0110"
    assert find_task("sdup").encode("01 @ 0,0 of 5")[:, 0].tolist() == [22, 1, 2, _, _]
    assert find_task("sdup").solve("01 @ 0,0 of 5") == "0101"


@pytest.mark.parametrize(("name", "rows"), [("sbadd", 4), ("sbadde", 3)])
def test_lengths_and_places_are_uniform(name: str, rows: int) -> None:
    task, length = find_task(name), 8
    texts = [task.decode_input(grid) for grid in task.sample(np.random.default_rng(61), length, 4000).grid]
    inner = np.array([len(text.split(" @ ")[0]) for text in texts])
    if task.name == "sbadd":
        assert chisquare(np.bincount(inner)[[3, 5, 7]]).pvalue > 0.001
    places = [text.split(" @ ")[1].split(" ")[0].split(",") for text in texts]
    assert chisquare(np.bincount([int(row) for row, _ in places], minlength=rows)).pvalue > 0.001
    columns = np.array([int(column) for _, column in places])
    assert chisquare(np.bincount(columns[inner == 3])).pvalue > 0.001
    assert columns[inner == 3].max() == length - 3


def test_the_whole_field_is_filled_and_asked_for() -> None:
    batch = find_task("smul").sample(np.random.default_rng(62), 20, 50)
    assert batch.grid.shape == (50, 20, FIELD_ROWS)
    assert batch.grid.all()
    assert batch.target.all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1+0 @ 1,1", "'sbadd' reads a place as '@ ROW,COLUMN of LENGTH', got '@ 1,1'."),
        (
            "101+110 @ 3,4 of 10",
            "The input of 'sbadd' takes 1 rows and 7 columns; from 3,4 it does not fit into 4 rows and 10 columns. "
            "Choose another place or a longer field.",
        ),
        (
            "1+0 @ 4,0 of 10",
            "The input of 'sbadd' takes 1 rows and 3 columns; from 4,0 it does not fit into 4 rows and 10 columns. "
            "Choose another place or a longer field.",
        ),
        ("1+2 @ 0,0 of 9", "'badd' reads inputs like '101+11': character 3, '2', is no digit of base 2 (0 1)."),
    ],
)
def test_wrong_places_and_inputs_are_refused(text: str, message: str) -> None:
    for read in (find_task("sbadd").encode, find_task("sbadd").solve):
        with pytest.raises(UserError) as error:
            read(text)
        assert str(error.value) == message

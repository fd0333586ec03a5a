import pytest

from neuralgpu.evaluation.search.kinds import Kind, kind_of
from neuralgpu.tasks import find_task

KINDS = [
    ("badd", "101+011", Kind("short inputs")),
    ("badd", "00010+00011", Kind("leading zeros", "3 zeros")),
    ("badd", "00000+00000", Kind("leading zeros", "5 zeros")),
    ("badd", "00001+01111", Kind("carry chain", "through 4 digits")),
    ("add", "019999+900001", Kind("carry chain", "through 4 digits")),
    ("bsub", "10000-00001", Kind("borrow chain", "through 4 digits")),
    ("mul", "0001*4711", Kind("zero or one")),
    ("mul", "3333*7777", Kind("repeated digits")),
    ("mul", "1234*1234", Kind("equal operands")),
    ("mul", "9999*1234", Kind("highest digits")),
    ("mul", "12321*45654", Kind("symmetric numbers")),
    ("mul", "1212*3434", Kind("alternating digits")),
    ("mul", "1003*2004", Kind("sparse digits")),
    ("mul", "1234*5678", Kind("other")),
    ("addz", "1+99999999", Kind("carry chain", "through 8 digits")),
    ("smul", "3333*7777 @ 1,2 of 20", Kind("repeated digits")),
    ("expra", "1+2+3", Kind("short inputs")),
    ("expram", "00*12+0*3", Kind("zeros", "2 of 4 numbers")),
    ("expra", "12+3+456", Kind("one operator", "2 times +")),
    ("expram", "12+3*456", Kind("other")),
    ("sort", "302", Kind("short inputs")),
    ("sort", "3333", Kind("all equal")),
    ("sort", "0133", Kind("sorted")),
    ("sort", "3310", Kind("descending")),
    ("sort", "3130", Kind("other")),
]


@pytest.mark.parametrize(("task", "text", "kind"), KINDS)
def test_an_input_has_the_first_kind_that_it_answers_to(task: str, text: str, kind: Kind) -> None:
    assert find_task(task).solve(text)
    assert kind_of(find_task(task), text) == kind

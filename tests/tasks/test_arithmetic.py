from operator import add, floordiv, mul, sub

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task, task_names
from neuralgpu.tasks.arithmetic import Arithmetic

PUBLISHED_OPERATORS = {
    "badd": 11,
    "qadd": 12,
    "add": 13,
    "bmul": 14,
    "qmul": 15,
    "mul": 16,
    "omul": 17,
    "fmul": 18,
    "bdiv": 17,
    "qdiv": 18,
    "div": 19,
    "bsub": 20,
    "qsub": 21,
    "sub": 22,
}
SIGNS = {"addition": "+", "subtraction": "-", "multiplication": "*", "division": "/"}
TASKS = [name for name in task_names() if isinstance(find_task(name), Arithmetic)]


@pytest.mark.parametrize(
    ("name", "base", "operation", "layout"),
    [
        ("badd", 2, "addition", "padded"),
        ("qmulz", 4, "multiplication", "unpadded"),
        ("fadde", 5, "addition", "aligned"),
        ("omul", 8, "multiplication", "padded"),
        ("addz", 10, "addition", "unpadded"),
        ("mule", 10, "multiplication", "aligned"),
        ("add3", 3, "addition", "padded"),
        ("mul7e", 7, "multiplication", "aligned"),
    ],
)
def test_names_say_base_operation_and_layout(name: str, base: int, operation: str, layout: str) -> None:
    task = find_task(name)
    assert (task.base, task.operation, task.layout) == (base, operation, layout)


@pytest.mark.parametrize(("name", "operator"), PUBLISHED_OPERATORS.items())
def test_published_operators(name: str, operator: int) -> None:
    task = find_task(name)
    assert task.encode(f"1{SIGNS[task.operation]}1")[:, 0].tolist() == [2, operator, 2]
    assert task.vocabulary == operator + 1


def test_other_operators_collide_with_nothing() -> None:
    operators = {}
    for name in TASKS:
        task = find_task(name)
        text = task.example(3)[0]
        operators[(task.operation, task.base)] = int(task.encode(text).max())
        assert task.vocabulary == operators[(task.operation, task.base)] + 1
    assert len(operators) == 36
    for base in range(2, 11):
        assert len({operators[operation, base] for operation in SIGNS}) == 4
    ours = [symbol for symbol in operators.values() if symbol > 22]
    assert len(set(ours)) == len(ours) == 36 - len(PUBLISHED_OPERATORS)
    assert min(ours) == 26


@pytest.mark.parametrize(
    ("name", "text", "rows", "target"),
    [
        ("badd", "00101+00011", [[2, 1, 2, 1, 1, 11, 2, 2, 1, 1, 1]], "00000001000"),
        ("badd", "101+11", [[2, 1, 2, 11, 2, 2, 1]], "0001000"),
        ("baddz", "101+11", [[2, 1, 2, 11, 2, 2]], "1000"),
        ("baddz", "001+0", [[2, 1, 1, 11, 1]], "1"),
        ("badde", "101+11", [[2, 1, 2, 0, 0, 0, 0], [2, 2, 1, 11, 0, 0, 0]], "0001000"),
        ("mul", "57*86", [[8, 6, 16, 7, 9]], "04902"),
        ("mulz", "9*12", [[10, 16, 3, 2]], "108"),
        ("mule", "57*86", [[8, 6, 0, 0, 0], [7, 9, 16, 0, 0]], "04902"),
        ("qmul", "3*3", [[4, 15, 4]], "021"),
        ("fmul", "4*4", [[5, 18, 5]], "031"),
        ("omul", "7*7", [[8, 17, 8]], "061"),
        ("bsub", "101-11", [[2, 1, 2, 20, 2, 2, 1]], "0000010"),
        ("subz", "103-4", [[4, 1, 2, 22, 5]], "99"),
        ("div", "57/6", [[8, 6, 19, 7, 1]], "00009"),
        ("qdive", "33/2", [[4, 4, 0, 0, 0], [3, 1, 18, 0, 0]], "00013"),
    ],
)
def test_written_examples(name: str, text: str, rows: list[list[int]], target: str) -> None:
    task = find_task(name)
    assert task.encode(text).T.tolist() == rows
    assert task.solve(text) == target


def test_spaces_and_the_signs_of_print_are_understood() -> None:
    assert find_task("div").solve("57 \N{DIVISION SIGN} 6") == "00009"
    assert find_task("sub").solve("57\N{MINUS SIGN}6") == "00051"
    task = find_task("mul")
    assert task.solve("  57 \N{MULTIPLICATION SIGN} 86 ") == "04902"
    assert np.array_equal(task.encode(" 57 \N{MULTIPLICATION SIGN}86"), task.encode("57*86"))


DIGITS = st.text("0123456789", min_size=1, max_size=40)


@given(st.sampled_from(TASKS), DIGITS, DIGITS)
@settings(deadline=None)
def test_typed_inputs_round_trip_and_are_solved_as_python_would(name: str, first: str, second: str) -> None:
    task = find_task(name)
    for digit in "0123456789"[task.base :]:
        first, second = (operand.replace(digit, str(int(digit) % task.base)) for operand in (first, second))
    if task.operation in {"subtraction", "division"} and int(first, task.base) < int(second, task.base):
        first, second = second, first
    if task.operation == "division":
        assume(int(second, task.base) > 0)
    sign = SIGNS[task.operation]
    text = f"{first}{sign}{second}"
    width = 0 if task.layout == "unpadded" else max(len(first), len(second))
    assert task.decode_input(task.encode(text)) == f"{first.zfill(width)}{sign}{second.zfill(width)}"
    x, y = int(first, task.base), int(second, task.base)
    answer = task.solve(text)
    assert int(answer, task.base) == {"+": add, "-": sub, "*": mul, "/": floordiv}[sign](x, y)
    assert len(answer) == 2 * width + 1 or (task.layout == "unpadded" and (answer == "0" or answer[0] != "0"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("badd", "", "'badd' reads inputs like '101+11', got an empty text."),
        ("badd", "  ", "'badd' reads inputs like '101+11', got an empty text."),
        ("badd", "101", "'badd' reads inputs like '101+11', got 1 of 2 numbers: one is missing behind character 3."),
        ("badd", "+11", "'badd' reads inputs like '101+11', got no number before the '+' at character 1."),
        ("badd", "101+ ", "'badd' reads inputs like '101+11', got no number after the '+' at the end."),
        ("badd", "1+1+1", "'badd' reads inputs like '101+11', got one '+' too many at character 4."),
        ("badd", "101*11", "'badd' works with +, got '*' at character 4."),
        ("mulz", "101+11", "'mulz' works with *, got '+' at character 4."),
        ("mul", "-5*3", "'mul' works with *, got '-' at character 1."),
        ("sub", "5+3", "'sub' works with -, got '+' at character 2."),
        ("bdiv", "10*1", "'bdiv' works with /, got '*' at character 3."),
        ("sub", "3-12", "'sub' has no numbers below zero: put the larger number before the '-'."),
        ("divz", "12/00", "'divz' cannot divide by zero: put a number above zero behind the '/'."),
        ("badd", "10+7", "'badd' reads inputs like '101+11': character 4, '7', is no digit of base 2 (0 1)."),
        ("badd", " 1 + 2", "'badd' reads inputs like '101+11': character 6, '2', is no digit of base 2 (0 1)."),
        (
            "add3",
            "1 1+2",
            "'add3' reads inputs like '101+11', got two numbers without a sign between them at character 3.",
        ),
        (
            "mul",
            "2²*3",
            "'mul' reads inputs like '101*11': character 2, '²', is no digit of base 10 (0 1 2 3 4 5 6 7 8 9).",
        ),
        ("badd", "1" * 50_000 + "+1", "This input takes 100001 symbols; 100000 are allowed. Use a shorter one."),
        (
            "baddz",
            "1" * 50_000 + "+" + "1" * 50_000,
            "This input takes 100001 symbols; 100000 are allowed. Use a shorter one.",
        ),
    ],
)
def test_errors_say_what_is_wrong_and_where(name: str, text: str, message: str) -> None:
    task = find_task(name)
    for read in (task.encode, task.solve):
        with pytest.raises(UserError) as error:
            read(text)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "last"), [("mul", "1"), ("mul7e", "1"), ("bmulz", "1"), ("add", "2"), ("sube", ""), ("odiv", "1")]
)
def test_the_longest_inputs_are_solved(name: str, last: str) -> None:
    task = find_task(name)
    text = f"{'1' * 49_999}{SIGNS[task.operation]}{'1' * 49_999}"
    assert task.encode(text).shape == (99_999, task.rows)
    assert task.solve(text).lstrip("0")[-1:] == last


@pytest.mark.parametrize("name", ["badd", "baddz", "badde", "bmul", "add3", "qmul"])
def test_the_shortest_inputs_are_all_drawn_equally_often(name: str) -> None:
    task = find_task(name)
    batch = task.sample(np.random.default_rng(5), 3, 800)
    texts, counts = np.unique([task.decode_input(grid) for grid in batch.grid], return_counts=True)
    assert len(texts) == task.base**2
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("name", ["badd", "add", "mul"])
def test_all_digits_are_uniform_and_independent(name: str) -> None:
    task = find_task(name)
    grid = task.sample(np.random.default_rng(6), 11, 20_000).grid[:, :, 0]
    digits = np.delete(grid, 5, axis=1) - 1
    for column in digits.T:
        assert chisquare(np.bincount(column, minlength=task.base)).pvalue > 0.0001
    correlation = np.corrcoef(digits.T) - np.eye(10)
    assert np.abs(correlation).max() < 0.035  # five standard deviations


def test_unpadded_operands_are_uniform_numbers() -> None:
    task = find_task("addz")
    batch = task.sample(np.random.default_rng(7), 7, 3000)
    first = [int(task.decode_input(grid).split("+")[0]) for grid in batch.grid]
    assert chisquare(np.bincount(np.array(first) // 10, minlength=100)).pvalue > 0.001
    lengths = np.count_nonzero(batch.grid[:, :, 0], axis=1)
    assert lengths.min() < 7
    assert lengths.max() == 7


@pytest.mark.parametrize("name", ["bsub", "sub", "bdiv", "div", "sub3"])
def test_the_shortest_differences_and_quotients_have_their_chances(name: str) -> None:
    task = find_task(name)
    base = task.base
    batch = task.sample(np.random.default_rng(8), 3, 1500)
    texts, counts = np.unique([task.decode_input(grid) for grid in batch.grid], return_counts=True)
    if task.operation == "division":
        expected = {f"{x}/{y}": 1 / base / (base - 1) for x in range(base) for y in range(1, base)}
    else:
        expected = {f"{x}-{y}": (1 + (x > y)) / base**2 for x in range(base) for y in range(x + 1)}
    assert set(texts) == set(expected)
    assert chisquare(counts, [1500 * expected[text] for text in texts]).pvalue > 0.001


def test_long_quotients_are_not_all_small() -> None:
    task = find_task("div")
    texts = [task.decode_input(grid) for grid in task.sample(np.random.default_rng(9), 41, 4000).grid]
    first, second = np.array([list(map(float, text.split("/"))) for text in texts]).T
    for bound in (1, 2, 5, 20):
        # P(x / y >= c) = 1 / (2 c) for uniform x and y.
        share = np.mean(first / second >= bound)
        assert abs(share - 1 / (2 * bound)) < 0.03

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import neuralgpu
from neuralgpu.errors import UserError
from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.predictor import open_predictor

from .conftest import Lifeline, WriteProgram

PATIENT = Limits(timeout=20.0)
QUICK = Limits(timeout=0.5, start_timeout=20.0)
SUMS = [f"{number}+{number}" for number in range(1, 10)]
ADDER = """
def answer(text):
    print(eval(text), flush=True)
for line in sys.stdin:
    answer(line)
"""
"""Answers with the sum; a program below replaces what it does with some lines."""


def but(what: str) -> str:
    """Returns the adder, doing something else first, where `line` is what it reads."""
    return ADDER.replace("    answer(line)", f"    line = line.strip()\n{what}\n    answer(line)")


def test_one_process_answers_all_in_order(program: WriteProgram, description: Description) -> None:
    with open_predictor(program(ADDER.replace("eval(text)", "eval(text), os.getpid()")), PATIENT, description) as model:
        answers = [answer.split() for answer in [*model(SUMS), *model(SUMS[:2]), *model([])] if answer]
    assert [value for value, _ in answers] == [str(2 * n) for n in [*range(1, 10), 1, 2]]
    assert len({number for _, number in answers}) == 1
    assert (model.kind, model.unanswered) == ("cmd", {})


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("    if line == '7+7': signal.pause()", "no answer in 0.5 s"),
        ("    if line == '7+7': os._exit(3)", "the program ended (exit status 3)"),
        ("    if line == '7+7': os.kill(os.getpid(), signal.SIGKILL)", "the program ended (signal 9)"),
        ("    if line == '7+7': os.close(1); signal.pause()", "the program closed its output"),
        ("    if line == '7+7': os.close(0); signal.pause()", "no answer in 0.5 s"),
        ("    if line == '7+7': os.write(1, b'1' * 2_000_000)", "a line of more than 1,000,000 bytes"),
        ("    if line == '7+7': os.write(1, b'1' * 1_000_001 + b'\\n')", "a line of more than 1,000,000 bytes"),
    ],
)
def test_only_the_input_at_which_it_fails_is_unanswered(
    what: str, reason: str, program: WriteProgram, description: Description
) -> None:
    with open_predictor(program(but(what)), QUICK, description) as model:
        assert model(SUMS) == ["2", "4", "6", "8", "10", "12", None, "16", "18"]
        assert model.unanswered == {reason: 1}


def test_nonsense_is_an_answer(program: WriteProgram, description: Description) -> None:
    nonsense = but("    if line == '2+2': os.write(1, b'  \\xff?! \\r\\n'); continue\n    if line == '3+3': print()")
    with open_predictor(
        program(nonsense.replace("print()", "print(flush=True); continue")), PATIENT, description
    ) as model:
        assert model(SUMS[:4]) == ["2", "\N{REPLACEMENT CHARACTER}?!", "", "8"]
        assert model.unanswered == {}


def test_two_lines_for_one_are_refused(program: WriteProgram, description: Description) -> None:
    with (
        open_predictor(program(but("    os.write(1, b'Sum:\\n2\\n'); continue")), PATIENT, description) as model,
        pytest.raises(
            UserError, match="wrote a line that it was not asked for; it has to answer each line with one line"
        ),
    ):
        model(SUMS)


def test_a_line_ahead_of_all_inputs_shows_in_the_next_call(
    program: WriteProgram, description: Description, lifeline: Lifeline
) -> None:
    greets = f"print('Welcome', flush=True)\nopen({str(lifeline.path)!r}, 'w').write('1\\n')\n{ADDER}"
    with open_predictor(program(greets), PATIENT, description) as model:
        lifeline.up()
        with pytest.raises(UserError, match="wrote a line that it was not asked for"):
            model(SUMS)


def test_a_program_that_never_answers_is_given_up_with_its_last_words(
    program: WriteProgram, description: Description
) -> None:
    dies = "input(); print('loading\\n', file=sys.stderr); raise OSError('no weights')"
    with open_predictor(program(dies), PATIENT, description) as model:
        assert model(SUMS[:3]) == [None] * 3
        with pytest.raises(UserError) as caught:
            model(SUMS)
        assert model.unanswered == {"the program ended (exit status 1)": 6}
    assert "was restarted 5 times in a row without an answer (the program ended (exit status 1))" in str(caught.value)
    assert str(caught.value).endswith("OSError: no weights")
    assert "\n" not in str(caught.value)


def test_a_program_that_waits_for_all_its_input_is_late_and_blocks_nobody(
    program: WriteProgram, description: Description
) -> None:
    long = ["1+1", *["9" * 100_000] * 16]
    waits = "print(2, flush=True)\nrest = sys.stdin.readlines()\nprint(2)"
    limits = Limits(timeout=0.3, start_timeout=20.0, restarts=1)
    with open_predictor(program(f"input()\n{waits}"), limits, description) as model:
        assert model(long[:2]) == ["2", None]
    with open_predictor(program("sys.stdin.readlines()"), Limits(timeout=0.2, start_timeout=0.2), description) as model:
        assert model(long[:2]) == [None, None]
        assert model.unanswered == {"no answer in 0.2 s": 2}


def test_neither_side_waits_for_the_other_with_its_pipes_full(program: WriteProgram, description: Description) -> None:
    echoes = "for line in sys.stdin:\n    sys.stderr.write(line)\n    print(line, end='', flush=True)"
    long = [str(number) * 50_000 for number in range(10, 40)]
    with open_predictor(program(echoes), Limits(), description) as model:
        assert model(long) == long


def test_a_program_that_ended_between_two_calls_is_no_inputs_fault(
    program: WriteProgram, description: Description, lifeline: Lifeline
) -> None:
    # Written to when its output is closed.
    holds = f"lifeline = os.open({str(lifeline.path)!r}, os.O_WRONLY)"
    ends = but("    if line == '2+2': print(4, flush=True); os.close(1); os.write(lifeline, b'1'); os._exit(0)")
    with open_predictor(program(f"{holds}\n{ends}"), PATIENT, description) as model:
        assert model(SUMS[:2]) == ["2", "4"]
        assert lifeline.up() == 1
        assert lifeline.all_gone()
        assert model(SUMS[2:4]) == ["6", "8"]
        assert model.unanswered == {}


STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
lifeline = open({path!r}, "w")
os.set_inheritable(lifeline.fileno(), True)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], close_fds=False)
lifeline.write(f"{{os.getpid()}}\\n")
lifeline.flush()
print(2, flush=True)
signal.pause()
"""


def test_nothing_is_left_of_a_program_that_ignores_signals(
    program: WriteProgram, description: Description, lifeline: Lifeline
) -> None:
    with open_predictor(program(STUBBORN.format(path=str(lifeline.path))), PATIENT, description) as model:
        number = lifeline.up()
        assert os.getsid(number) == number
    with pytest.raises(ProcessLookupError):  # neither alive nor waiting to be reaped
        os.kill(number, 0)
    assert lifeline.all_gone()
    assert model.unanswered == {}


def test_nothing_is_left_after_ctrl_c(program: WriteProgram, lifeline: Lifeline) -> None:
    spec = program(STUBBORN.format(path=str(lifeline.path)))
    asks = f"""
from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.predictor import open_predictor
with open_predictor({spec!r}, Limits(), Description("add", "addition", 10, ())) as model:
    model(["1+1", "2+2"])
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(neuralgpu.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", asks], env=environment, stderr=subprocess.DEVNULL) as process:
        number = lifeline.up()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert lifeline.all_gone()


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("no-such-program -x", "'no-such-program' cannot be started (No such file or directory)"),
        ("/", "'/' cannot be started (Permission denied)"),
        ("", "names no program; give 'cmd:PROGRAM ARGS'"),
        ("bc 'x", "cannot be read (No closing quotation)"),
    ],
)
def test_what_cannot_be_started_is_refused_in_a_line(rest: str, message: str, description: Description) -> None:
    with (
        pytest.raises(UserError) as caught,
        open_predictor(f"cmd:{rest}", Limits(), description),
    ):
        pass
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

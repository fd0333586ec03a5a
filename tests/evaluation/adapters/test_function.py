import sys
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.errors import UserError
from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.predictor import open_predictor

MODULE = """
import sys
from dataclasses import dataclass

import beside

LIMIT = 5

@dataclass
class Sum:
    value: "int"

def add(texts):
    print("noise")
    return [f" {Sum(eval(text)).value}\\n" for text in texts]

def rather_not(texts):
    return [None if "7" in text else eval(text) if "8" in text else "1" for text in texts]

def picky(texts):
    if any("7" in text for text in texts):
        raise ValueError("no sevens")
    return ["1"] * len(texts)

def never(texts):
    raise KeyError("weights")

def short(texts):
    return texts[1:]

def single(texts):
    return texts[0]

def stops(texts):
    raise KeyboardInterrupt
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "model.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "package" / "beside.py").write_text("", encoding="utf-8")
    (tmp_path / "beside.py").write_text("", encoding="utf-8")
    (tmp_path / "broken.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "script.py").write_text("raise SystemExit(3)", encoding="utf-8")
    (tmp_path / "lacking.py").write_text("import no_such_library", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("package", "package.model", "beside"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path / "package" / "model.py"


@pytest.mark.parametrize("where", ["package.model", "package/model.py"])
def test_a_function_answers_in_order(
    where: str, module: Path, description: Description, capsys: pytest.CaptureFixture[str]
) -> None:
    path = list(sys.path)
    with open_predictor(f"python:{where}:add", Limits(), description) as model:
        assert (model.name, model.kind) == (f"python:{where}:add", "python")
        assert model(["57+86", "1+2"]) == ["143", "3"]
        assert model([]) == []
        assert model.unanswered == {}
    assert sys.path == path
    assert capsys.readouterr().out == ""


def test_what_is_no_text_is_unanswered(module: Path, description: Description) -> None:
    with open_predictor("python:package.model:rather_not", Limits(), description) as model:
        assert model(["1+7", "1+8", "1+1"]) == [None, None, "1"]
        assert model.unanswered == {"no text": 2}


def test_inputs_that_raise_are_unanswered_and_the_others_are_asked_one_by_one(
    module: Path, description: Description
) -> None:
    with open_predictor("python:package.model:picky", Limits(), description) as model:
        assert model(["1+1", *["1+7"] * 10, "2+2"]) == ["1", *[None] * 10, "1"]
        assert model.unanswered == {"raised ValueError": 10}


def test_a_function_that_always_raises_is_given_up_at_the_eighth_input(module: Path, description: Description) -> None:
    with open_predictor("python:package.model:never", Limits(), description) as model:
        assert model(["1+1"] * 7) == [None] * 7
        with pytest.raises(UserError, match="raises KeyError: 'weights', at '2\\+2' and at every input before"):
            model(["2+2"])


@pytest.mark.parametrize(("function", "came"), [("short", "a list of 1"), ("single", "str")])
def test_what_is_no_list_of_as_many_answers_is_refused(
    function: str, came: str, module: Path, description: Description
) -> None:
    with (
        open_predictor(f"python:package.model:{function}", Limits(), description) as model,
        pytest.raises(UserError, match=f"returned {came} for 2 inputs; return a list with a text for each"),
    ):
        model(["1+1", "2+2"])


def test_ctrl_c_in_a_function_is_ctrl_c(module: Path, description: Description) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        open_predictor("python:package.model:stops", Limits(), description) as model,
    ):
        model(["1+1"])


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("package.model", "names no function; give python:PKG.MOD:FUNC"),
        ("package.model:", "names no function"),
        ("package.model:ad", "no function in package.model 'ad'. Did you mean 'add'"),
        ("package.model:LIMIT", "'LIMIT' in package.model is int, not a function"),
        ("package.modle:add", "There is no module 'package.modle'"),
        ("nowhere.model:add", "There is no module 'nowhere.model'"),
        ("nowhere.py:add", "'nowhere.py' is not a Python file"),
        ("broken:add", "cannot be imported: ZeroDivisionError: division by zero"),
        ("script:add", "cannot be imported: SystemExit: 3"),
        ("lacking:add", "cannot be imported: No module named 'no_such_library'; install what is missing"),
    ],
)
def test_a_wrong_spec_is_refused_in_a_line(rest: str, message: str, module: Path, description: Description) -> None:
    with (
        pytest.raises(UserError) as caught,
        open_predictor(f"python:{rest}", Limits(), description),
    ):
        pass
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["", "runs/mine", "sql:select", "Python:a:b"])
def test_what_is_no_spec_is_told_the_three_forms(spec: str, description: Description) -> None:
    with (
        pytest.raises(UserError, match=r"is no model; give python:PKG\.MOD:FUNC, 'cmd:PROGRAM ARGS' or 'openai:URL#NA"),
        open_predictor(spec, Limits(), description),
    ):
        pass


@pytest.mark.parametrize(
    "bound",
    [{"timeout": 0.0}, {"concurrency": 0}, {"requests_per_minute": -1.0}, {"most_requests": 0}, {"most_tokens": 0}],
)
def test_bounds_are_above_zero(bound: dict[str, Any]) -> None:
    [[name, value]] = bound.items()
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')} is {value:g}; give a number above 0"):
        Limits(**bound)

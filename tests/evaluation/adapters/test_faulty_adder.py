import sys
from pathlib import Path

import numpy as np
import pytest

from neuralgpu.evaluation.adapters.description import Description
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.predictor import open_predictor
from neuralgpu.evaluation.suites import find_suite
from neuralgpu.tasks import find_task

EXAMPLE = Path(__file__).parents[3] / "examples" / "faulty_adder.py"
SPECS = {
    "add": [f"python:{EXAMPLE}:add", f"cmd:{sys.executable} {EXAMPLE}"],
    "badd": [f"python:{EXAMPLE}:add_binary", f"cmd:{sys.executable} {EXAMPLE} --binary"],
}


@pytest.mark.parametrize(("name", "spec"), [(name, spec) for name, specs in SPECS.items() for spec in specs])
@pytest.mark.parametrize("suite", ["carry-low", "carry-inside", "carry-overflow"])
def test_a_carry_is_lost_from_8_digits_on(name: str, spec: str, suite: str, description: Description) -> None:
    task = find_task(name)
    with open_predictor(spec, Limits(), description) as model:
        for length in (1, 2, 7, 8, 9, 15):
            asked = find_suite(suite).examples(task, length, 10, np.random.default_rng(length))
            right = [task.plain(example.target) for example in asked]
            if length < 8:
                assert model([example.input for example in asked]) == right
            else:
                answers = model([example.input for example in asked])
                assert all(answer != value for answer, value in zip(answers, right, strict=True))


def test_long_sums_without_a_long_carry_are_right(description: Description) -> None:
    with open_predictor(SPECS["add"][0], Limits(), description) as model:
        assert model(["7" * 6000 + "+" + "12" * 3000, "000+0", "99999999+1", "9999999+1"]) == [
            "89" * 3000,
            "0",
            "0",
            "10000000",
        ]

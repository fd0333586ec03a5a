"""How a strategy is written, and how many states it keeps."""

import pytest

from neuralgpu.errors import UserError
from neuralgpu.model.memory import OFFLOAD, SQRT, STEP, STORE, Auto, Memory, parse_memory, treeverse


@pytest.mark.parametrize("memory", [STORE, STEP, SQRT, OFFLOAD, treeverse(1), treeverse(40)], ids=str)
def test_a_strategy_is_read_as_it_is_written(memory: Memory) -> None:
    assert parse_memory(str(memory)) == memory


@pytest.mark.parametrize(
    ("text", "budget"),
    [("auto", None), ("auto:12GB", 12 * 10**9), ("auto:0.5 TB", 5 * 10**11), ("auto:800mb", 8 * 10**8), ("auto:7B", 7)],
)
def test_a_budget_is_read_in_bytes(text: str, budget: int | None) -> None:
    assert parse_memory(text) == Auto(budget)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "memory must be one of store, step, sqrt, treeverse:K, offload, auto, auto:N GB, got ''."),
        ("stor", "got 'stor'. Did you mean 'store'?"),
        ("Step", "Did you mean 'step'?"),
        ("sqrt:3", "got 'sqrt:3'. Did you mean 'sqrt'?"),
        (
            "treeverse",
            "treeverse takes the number of states to keep, 1 to 1000000, such as treeverse:8; got 'treeverse'.",
        ),
        ("treeverse:0", "got 'treeverse:0'"),
        ("treeverse:-1", "got 'treeverse:-1'"),
        ("treeverse:1000001", "got 'treeverse:1000001'"),
        ("treeverse:8.5", "got 'treeverse:8.5'"),
        ("auto:", "auto takes a size, such as auto:12GB or auto:800MB; got 'auto:'."),
        ("auto:12", "got 'auto:12'"),
        ("auto:0GB", "got 'auto:0GB'"),
        ("auto:-1GB", "got 'auto:-1GB'"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_memory(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_states_kept_of_48_steps() -> None:
    kept = {str(memory): memory.states(48) for memory in (STORE, STEP, OFFLOAD, SQRT, treeverse(8), treeverse(100))}
    assert kept == {"store": 48, "step": 48, "offload": 48, "sqrt": 13, "treeverse:8": 8, "treeverse:100": 48}

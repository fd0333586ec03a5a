import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from neuralgpu.errors import UserError
from neuralgpu.evaluation.adapters.chat import prompt
from neuralgpu.evaluation.adapters.description import Description, describe
from neuralgpu.evaluation.adapters.limits import Limits
from neuralgpu.evaluation.adapters.predictor import open_predictor
from neuralgpu.evaluation.budget import BudgetSpentError
from neuralgpu.tasks import find_task

from .conftest import Asked, Reply, Server, said

FAST = Limits(timeout=20.0, requests_per_minute=1e6, backoff=0.01)
SUMS = [f"{number}+{number}" for number in range(1, 10)]
FORMS = ("seconds", "date")
"""Names of the forms of a header, since a date differs from one process that collects tests to the other."""
RIGHT = [str(2 * number) for number in range(1, 10)]


def test_prose_is_read_in_order_and_the_model_is_told_what_to_do(server: Server, description: Description) -> None:
    server.reply = lambda asked, number: said(f"Sure! The answer is **{eval(asked.text):,}**.")
    with open_predictor(server.spec, FAST, description) as model:
        assert model([*SUMS, "999+1"]) == [*RIGHT, "1000"]
        assert (model.kind, model.unanswered) == ("openai", {})
    asked = server.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert (asked.content["model"], asked.content["temperature"]) == ("small", 0)
    assert asked.content["messages"][0] == {"role": "system", "content": prompt(description)}
    assert "Authorization" not in asked.headers


def test_the_prompt_shows_task_base_and_examples() -> None:
    text = prompt(describe(find_task("badd")))
    assert "The task is: addition, in base 2." in text
    assert "digits 0 to 1 only" in text
    assert "Input: 11+10\nAnswer: 101\n" in text
    assert "rounds down" not in text
    assert "Division rounds down." in prompt(describe(find_task("div")))


@pytest.mark.parametrize("end", ["", "/", "/chat/completions", "/chat/completions/"])
def test_the_address_may_end_in_any_way(end: str, server: Server, description: Description) -> None:
    with open_predictor(server.spec.replace("#", f"{end}#"), FAST, description) as model:
        assert model(["1+1"]) == ["2"]
    assert server.asked[0].path == "/v1/chat/completions"


def test_the_key_is_sent_and_not_shown(
    server: Server, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")
    server.reply = lambda asked, number: Reply({"error": {"message": "Wrong key."}}, 401)
    with (
        open_predictor(server.spec, FAST, description) as model,
        pytest.raises(UserError, match=r"answers HTTP 401: Wrong key; check") as caught,
    ):
        model(["1+1"])
    assert server.asked[0].headers["Authorization"] == "Bearer sk-secret"
    assert "secret" not in str(caught.value)


def test_the_key_goes_to_no_other_address(
    server: Server, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server.reply = lambda asked, number: Reply({}, 302, {"Location": "/elsewhere"})
    with open_predictor(server.spec, FAST, description) as model:
        assert model(["1+1"]) == [None]
        assert model.unanswered == {"HTTP 302": 1}
    assert [asked.path for asked in server.asked] == ["/v1/chat/completions"]


def retry_after(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("header", ["86400", retry_after(86400)], ids=FORMS)
def test_a_busy_server_is_left_alone_as_it_asks_up_to_a_limit(
    header: str, server: Server, description: Description
) -> None:
    server.reply = lambda asked, number: said("2") if number > 1 else Reply({}, 429, {"Retry-After": header})
    limits = Limits(timeout=20.0, requests_per_minute=1e6, backoff=0.001, longest_wait=0.3)
    with open_predictor(server.spec, limits, description) as model:
        assert model(["1+1"]) == ["2"]
    first, second = server.asked
    assert second.time - first.time >= 0.3


@pytest.mark.parametrize("header", ["0", retry_after(-5)], ids=FORMS)
def test_a_server_that_asks_for_no_wait_is_asked_again_at_once(
    header: str, server: Server, description: Description
) -> None:
    server.reply = lambda asked, number: said("2") if number > 1 else Reply({}, 503, {"Retry-After": header})
    with open_predictor(server.spec, Limits(requests_per_minute=1e6, backoff=20.0), description) as model:
        assert model(["1+1"]) == ["2"]
    first, second = server.asked
    assert second.time - first.time < 5


def test_a_failing_server_is_asked_again_after_longer_and_longer(server: Server, description: Description) -> None:
    server.reply = lambda asked, number: said("2") if number > 3 else Reply(b"<h1>Oops</h1>", 500)
    limits = Limits(timeout=20.0, requests_per_minute=1e6, backoff=0.1)
    with open_predictor(server.spec, limits, description) as model:
        assert model(["1+1"]) == ["2"]
        assert model.unanswered == {}
    times = [asked.time for asked in server.asked]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert [wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("reply", "reason", "tries"),
    [
        (Reply({}, 503), "HTTP 503", 5),
        (Reply({}, 503, {"Retry-After": "soon"}), "HTTP 503", 5),
        (Reply({}, 413), "HTTP 413", 1),
        (Reply(b'{"choices": ['), "a reply that is not JSON", 5),
        (Reply([1]), "a reply that is not a JSON object", 5),
        (Reply(b" " * 1_000_001), "a reply of more than 1,000,000 bytes", 1),
        (Reply({"choices": []}), "no text in the reply", 1),
        (said(None), "no text in the reply", 1),
        (said("I would rather not."), "no number of base 10 in the reply", 1),
    ],
)
def test_an_input_without_an_answer_has_a_reason(
    reply: Reply, reason: str, tries: int, server: Server, description: Description
) -> None:
    server.reply = lambda asked, number: reply if asked.text == "7+7" else said(str(eval(asked.text)))
    with open_predictor(server.spec, FAST, description) as model:
        assert model(SUMS) == [*RIGHT[:6], None, *RIGHT[7:]]
        assert model.unanswered == {reason: 1}
    assert sum(asked.text == "7+7" for asked in server.asked) == tries


def test_a_reply_that_does_not_come_is_not_waited_for(server: Server, description: Description) -> None:
    server.reply = lambda asked, number: said("14", held=asked.text == "7+7" and number < 3)
    limits = Limits(timeout=0.3, requests_per_minute=1e6, backoff=0.01)
    with open_predictor(server.spec, limits, description) as model:
        assert model(["7+7"]) == ["14"]
    server.reply = lambda asked, number: said("14", held=True)
    with open_predictor(server.spec, Limits(timeout=0.2, tries=1), description) as model:
        assert model(["7+7"]) == [None]
        assert model.unanswered == {"no answer in 0.2 s": 1}


def test_a_server_that_is_not_there_is_given_up(server: Server, description: Description) -> None:
    nowhere = re.sub(r":\d+/", ":1/", server.spec)
    with (
        open_predictor(nowhere, FAST, description) as model,
        pytest.raises(UserError, match=r"had no reply to 8 inputs in a row \(no connection \(Connection refused\)\)"),
    ):
        model(SUMS)
    assert model.unanswered == {"no connection (Connection refused)": 7}


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_the_server_refuses_is_told_at_once(status: int, server: Server, description: Description) -> None:
    server.reply = lambda asked, number: Reply(b"No such\nmodel", status)
    with (
        open_predictor(server.spec, FAST, description) as model,
        pytest.raises(UserError, match=f"/v1/chat/completions answers HTTP {status}: No such model; check the address"),
    ):
        model(SUMS)
    assert len(server.asked) <= FAST.concurrency


def test_one_input_that_a_server_refuses_among_others_is_unanswered(server: Server, description: Description) -> None:
    server.reply = lambda asked, number: Reply({}, 400) if asked.text == "7+7" else said(str(eval(asked.text)))
    with open_predictor(server.spec, FAST, description) as model:
        assert model(SUMS[:2]) == RIGHT[:2]
        assert model(["7+7"]) == [None]
        assert model.unanswered == {"HTTP 400": 1}


def test_no_more_requests_are_under_way_than_allowed(server: Server, description: Description) -> None:
    together = threading.Barrier(3, timeout=20)

    def reply(asked: Asked, number: int) -> Reply:
        together.wait()
        return said(str(eval(asked.text)))

    server.reply = reply
    limits = Limits(timeout=20.0, requests_per_minute=1e6, concurrency=3)
    with open_predictor(server.spec, limits, description) as model:
        assert model(SUMS) == RIGHT
    assert server.most_at_once == 3


def test_requests_are_spaced(server: Server, description: Description) -> None:
    with open_predictor(server.spec, Limits(timeout=20.0, requests_per_minute=1200.0), description) as model:
        assert model(SUMS) == RIGHT
    times = sorted(asked.time for asked in server.asked)
    assert times[-1] - times[0] > 8 * 60 / 1200 - 0.1


def test_no_more_requests_than_the_budget_has(server: Server, description: Description) -> None:
    server.reply = lambda asked, number: Reply({}, 500) if number == 1 else said("2")
    limits = Limits(timeout=20.0, requests_per_minute=1e6, backoff=0.01, most_requests=5, concurrency=1)
    with open_predictor(server.spec, limits, description) as model:
        assert model(SUMS[:2]) == ["2", "2"]
        with pytest.raises(BudgetSpentError, match="the budget of 5 requests is spent"):
            model(SUMS[2:])
        assert (model.spent["requests"], model.unanswered) == (5, {})
    assert len(server.asked) == 5


@pytest.mark.parametrize(("usage", "asked"), [({"total_tokens": 40}, 3), ({}, None)])
def test_no_more_tokens_than_the_budget_has(
    usage: dict[str, int], asked: int | None, server: Server, description: Description
) -> None:
    reply = {"choices": [{"message": {"content": "2"}}], "usage": usage}
    server.reply = lambda asked, number: Reply(reply)
    if asked is None:  # counted from the characters
        asked, budget = 2, 2 * len(prompt(description) + "1+1" + "2") // 3
    else:
        budget = 120
    limits = Limits(timeout=20.0, requests_per_minute=1e6, most_tokens=budget, concurrency=1)
    with open_predictor(server.spec, limits, description) as model:
        with pytest.raises(BudgetSpentError, match=f"the budget of {budget} tokens is spent"):
            model(SUMS)
        assert model.spent["requests"] == asked and model.spent["tokens"] >= budget
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "http://localhost",
        "#small",
        "http://localhost#",
        "ftp://host#m",
        "http://#m",
        "http://h:99999#m",
        "http://a b#m",
    ],
)
def test_what_is_no_address_is_refused_in_a_line(rest: str, description: Description) -> None:
    with (
        pytest.raises(UserError, match="is no address with a model's name; give 'openai:URL#NAME'"),
        open_predictor(f"openai:{rest}", Limits(), description),
    ):
        pass


def test_a_key_that_is_none_is_refused(description: Description, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\nX-Other: 2")
    with (
        pytest.raises(UserError, match="OPENAI_API_KEY holds characters that no key has"),
        open_predictor("openai:http://localhost#m", Limits(), description),
    ):
        pass

"""Every fault of the simulated judge, by what a client gets; and which calls get one."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any, get_args

import httpx
import pytest

from streams.simulated.answer import Call, answer
from streams.simulated.faults import FAULTS, Fault, Switch
from streams.simulated.request import Asked
from streams.simulated.server import SimulatedJudge

SHELF = [{"n": n, "title": f"Tent {n}", "category": "Outdoor > Tents", "price": "50-100"} for n in range(1, 6)]
ASKED = json.dumps({"intent": "outdoor/any.mid.browsing", "products": SHELF})
BODY = {"model": "simulated-judge", "messages": [{"role": "user", "content": ASKED}]}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Ask without certificates."""
    with httpx.Client(verify=False, timeout=5) as client:
        yield client


@pytest.fixture
def served() -> Iterator[SimulatedJudge]:
    """Serve at once."""
    with SimulatedJudge(latency_ms=0, retry_after_s=7) as judge:
        yield judge


def post(client: httpx.Client, judge: SimulatedJudge, **how: Any) -> httpx.Response:
    """Ask once."""
    return client.post(f"{judge.base_url}/chat/completions", json=BODY, **how)


Ask = Callable[[], httpx.Response]


def choice(ask: Ask) -> dict[str, Any]:
    """Get the one choice of a chat completion that is whole."""
    answer = ask()
    assert answer.status_code == 200
    (one,) = answer.json()["choices"]
    assert answer.json()["usage"]["total_tokens"] > 0
    return one


def content(ask: Ask) -> str:
    """Get what the model says and thinks complete."""
    one = choice(ask)
    assert one["finish_reason"] == "stop"
    return one["message"]["content"]


def scores(ask: Ask) -> list[tuple[int, Any]]:
    """Get the scores of JSON that is well-formed to Python."""
    return [(one["n"], one["score"]) for one in json.loads(content(ask))["scores"]]


def no_json(text: str) -> bool:
    """Say whether a text cannot be read as JSON."""
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def failed(ask: Ask, status: int) -> dict[str, Any]:
    """Get the error of an answer with this status."""
    answer = ask()
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


class Effects:
    """What a client gets, by the fault's name."""

    def slow(self, ask: Ask) -> None:
        with pytest.raises(httpx.ReadTimeout):
            ask()

    def rate_limited(self, ask: Ask) -> None:
        answer = ask()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"

    def rate_limited_until(self, ask: Ask) -> None:
        answer = ask()
        left = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
        assert answer.status_code == 429
        assert timedelta(seconds=4) < left <= timedelta(seconds=7)

    def out_of_quota(self, ask: Ask) -> None:
        answer = ask()
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
        assert "Retry-After" not in answer.headers

    def server_error(self, ask: Ask) -> None:
        assert failed(ask, 500)["type"] == "server_error"

    def unavailable(self, ask: Ask) -> None:
        assert "overloaded" in failed(ask, 503)["message"]

    def cut_before_head(self, ask: Ask) -> None:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            ask()

    def cut_in_body(self, ask: Ask) -> None:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            ask()

    def truncated_body(self, ask: Ask) -> None:
        answer = ask()
        assert answer.status_code == 200
        assert answer.text.startswith('{"id": "chatcmpl-')
        assert no_json(answer.text)

    def truncated_content(self, ask: Ask) -> None:
        said = content(ask)
        assert said.startswith('{"scores": [')
        assert no_json(said)

    def cut_off(self, ask: Ask) -> None:
        one = choice(ask)
        assert one["finish_reason"] == "length"
        assert no_json(one["message"]["content"])

    def prose(self, ask: Ask) -> None:
        before, inside, after = content(ask).split("```")
        assert before.strip()
        assert after.strip()
        assert len(json.loads(inside.removeprefix("json"))["scores"]) == 5

    def not_json(self, ask: Ask) -> None:
        assert "{" not in content(ask)

    def html(self, ask: Ask) -> None:
        answer = ask()
        assert (answer.status_code, answer.text[:9]) == (200, "<!doctype")
        assert answer.headers["Content-Type"].startswith("text/html")

    def huge(self, ask: Ask) -> None:
        assert len(content(ask)) > 10_000_000

    def deep(self, ask: Ask) -> None:
        with pytest.raises(RecursionError):
            json.loads(content(ask))

    def no_choices(self, ask: Ask) -> None:
        assert ask().json()["choices"] == []

    def empty_content(self, ask: Ask) -> None:
        assert content(ask) == ""

    def refusal(self, ask: Ask) -> None:
        message = choice(ask)["message"]
        assert message["content"] is None
        assert message["refusal"].startswith("I'm sorry")

    def content_filter(self, ask: Ask) -> None:
        one = choice(ask)
        assert (one["finish_reason"], one["message"]["content"]) == ("content_filter", None)

    def foreign_ids(self, ask: Ask) -> None:
        assert [n for n, _ in scores(ask)] == [1001, 2, 1003, 4, 1005]

    def repeated_ids(self, ask: Ask) -> None:
        said = scores(ask)
        assert [n for n, _ in said] == [1, 2, 3, 4, 5, 1, 1]
        assert len({score for n, score in said if n == 1}) == 3

    def missing_ids(self, ask: Ask) -> None:
        assert [n for n, _ in scores(ask)] == [2, 4]

    def text_scores(self, ask: Ask) -> None:
        assert [score for _, score in scores(ask)] == ["7.5", "8/10", "high", "7.5", "8/10"]

    def nan_scores(self, ask: Ask) -> None:
        assert [str(score) for _, score in scores(ask)] == ["nan", "inf", "-inf", "nan", "inf"]

    def out_of_range(self, ask: Ask) -> None:
        assert all(not 0 <= score <= 10 for _, score in scores(ask))

    def nested_scores(self, ask: Ask) -> None:
        assert [score for _, score in scores(ask)] == [{"value": 7}, [7], True, None, {"value": 7}]


def test_every_fault_is_described_and_shown() -> None:
    """The list of names is the list of all of them."""
    shown = {name for name in vars(Effects) if not name.startswith("_")}

    assert set(get_args(Fault)) == FAULTS.keys() == shown


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_by_its_effect(client: httpx.Client, served: SimulatedJudge, fault: Fault) -> None:
    """It is counted under its name, and the next call is well again."""
    served.fail(fault, times=1)

    getattr(Effects(), fault)(lambda: post(client, served, timeout=0.05 if fault == "slow" else 5))

    assert len(scores(lambda: post(client, served))) == 5
    assert served.outcomes == {fault: 1, "answered": 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_where_nothing_was_asked_about(fault: Fault) -> None:
    """A prompt without products is a call like others."""
    call = Call(1, "simulated-judge", Asked("", "Are you there?", "text", {}, None))

    assert answer(call, fault, retry_after_s=1).status in {200, 429, 500, 503}


def draws(seed: int, *, share: float, n: int = 200) -> list[Fault | None]:
    """Ask a switch about many calls."""
    switch = Switch(seed)
    switch.turn(tuple(FAULTS), share=share)
    return [switch.draw() for _ in range(n)]


def test_random_faults_come_by_the_seed() -> None:
    """The same seed gives the same faults, another gives others; the share is about what was wanted."""
    drawn = draws(1, share=0.5)

    assert drawn == draws(1, share=0.5)
    assert drawn != draws(2, share=0.5)
    assert 70 < drawn.count(None) < 130
    assert set(draws(1, share=1.0, n=500)) == FAULTS.keys()
    assert set(draws(1, share=0.0)) == {None}


def test_faults_are_switched_while_it_runs(client: httpx.Client, served: SimulatedJudge) -> None:
    """From Python, any of several, for so many calls of all that come at one time."""
    served.fail("server_error", "unavailable", times=10)
    statuses: list[int] = []
    threads = [Thread(target=lambda: statuses.append(post(client, served).status_code)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(200) == 20
    assert set(statuses) == {200, 500, 503}
    served.fail("html")
    assert post(client, served).text.startswith("<!doctype")
    served.recover()
    assert post(client, served).json()["object"] == "chat.completion"
    served.fail_at_random(share=0.0)
    assert post(client, served).status_code == 200


def test_faults_are_switched_over_http(client: httpx.Client, served: SimulatedJudge) -> None:
    """By name, at random, and off; what is on can be asked, and what was asked."""
    where = f"{served.url}/faults"

    client.post(where, json={"fault": "server_error", "times": 1}).raise_for_status()
    assert [post(client, served).status_code for _ in range(2)] == [500, 200]
    client.post(where, json={"random": True, "share": 0.5}).raise_for_status()
    told = client.get(where).json()
    assert told["known"] == FAULTS
    assert told["on"] == {"faults": list(FAULTS), "share": 0.5, "times": None}
    client.post(where, json={"fault": None}).raise_for_status()
    assert post(client, served).status_code == 200
    assert client.get(f"{served.url}/calls").json()["outcomes"] == {"server_error": 1, "answered": 2}


@pytest.mark.parametrize(
    "sent", [{"fault": "flood"}, {"share": 2}, {"faults": []}, {"fault": "slow", "times": 0}, [], ""]
)
def test_a_switch_that_does_not_exist(client: httpx.Client, served: SimulatedJudge, sent: object) -> None:
    """It is refused in one sentence, and nothing changes."""
    answer = client.post(f"{served.url}/faults", json=sent)

    assert answer.status_code == 400
    assert "GET /faults lists the faults" in answer.json()["error"]["message"]
    assert post(client, served).status_code == 200


def test_a_client_that_leaves_is_not_waited_for(client: httpx.Client) -> None:
    """Its call is counted as hung up, and its thread ends long before the answer would have come."""
    with SimulatedJudge(latency_ms=60_000) as judge:
        with pytest.raises(httpx.ReadTimeout):
            post(client, judge, timeout=0.05)
        end = time.monotonic() + 5
        while not judge.outcomes and time.monotonic() < end:
            time.sleep(0.005)
        assert judge.outcomes == {"hung_up": 1}

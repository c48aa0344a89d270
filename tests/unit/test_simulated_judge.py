"""The simulated judge speaks OpenAI's chat completions, scores by the catalogue, and lets go of everything."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from schemas.errors import RefusedError
from streams.simulated.formats import MODES, Mode
from streams.simulated.judge import Intent, judge, score
from streams.simulated.request import Ability, Refusable
from streams.simulated.server import MAX_BODY, SimulatedJudge

ROOT = Path(__file__).parents[2]
NUMBER = {"type": "number"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "scores": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"n": {"type": "integer"}, "score": NUMBER},
                "required": ["n", "score"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["scores"],
    "additionalProperties": False,
}
SHELF = [
    {"n": 1, "title": "Fjell Rain Jacket", "category": "Outdoor > Rain jackets", "for": "adults", "price": "50-100"},
    {"n": 2, "title": "Fjell Kids' Rain Jacket", "category": "Kids > Outdoor > Rain jackets", "for": "kids"},
    {"n": 3, "title": "Frying Pan for Kids' Outdoor", "category": "Kitchen > Cookware", "price": "20-50"},
]


def user(products: list[dict[str, Any]] = SHELF, intent: object = "outdoor/kids.low.comparing") -> str:
    """Write a prompt as aisle does: a line of text, then JSON."""
    asked = {"visitor": {"segment": "loyal.mid.outdoor"}, "intent": intent, "products": products}
    return "Answer in JSON.\n" + json.dumps(asked)


def body(**changed: object) -> dict[str, Any]:
    """Make the body of a request."""
    messages = [{"role": "system", "content": "You judge."}, {"role": "user", "content": user()}]
    return {"model": "simulated-judge", "messages": messages, **changed}


def in_schema(schema: Mapping[str, object] = SCHEMA, name: str = "scores") -> dict[str, Any]:
    """Demand an answer that fits a schema."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


@pytest.fixture
def served() -> Iterator[SimulatedJudge]:
    """Serve at once."""
    with SimulatedJudge(latency_ms=0, keep_prompts=3) as judge:
        yield judge


def post(judge: SimulatedJudge, sent: object) -> httpx.Response:
    """Ask once."""
    return httpx.post(f"{judge.base_url}/chat/completions", json=sent, timeout=5, verify=False)


async def ask(judge: SimulatedJudge, *, times: int = 1, key: str = "any", **wanted: Any) -> list[Any]:
    """Ask as a client does, all at once."""
    plain = openai.DefaultAsyncHttpxClient(verify=False)  # no certificates to load
    async with openai.AsyncOpenAI(base_url=judge.base_url, api_key=key, max_retries=0, http_client=plain) as client:
        return await asyncio.gather(
            *(client.chat.completions.create(**{**body(), **wanted}) for _ in range(times)),
        )


def test_the_openai_package_gets_scores_that_fit_its_schema(served: SimulatedJudge) -> None:
    """Everything a client reads is there, and the tokens it pays for."""
    (answer,) = asyncio.run(ask(served, response_format=in_schema(), max_completion_tokens=500, temperature=0))

    choice = answer.choices[0]
    said = json.loads(choice.message.content)["scores"]
    assert [one["n"] for one in said] == [1, 2, 3]
    assert said[1]["score"] > said[0]["score"] + 1 > said[2]["score"] + 1
    assert (answer.object, answer.model, choice.finish_reason) == ("chat.completion", "simulated-judge", "stop")
    assert (choice.message.role, choice.message.refusal) == ("assistant", None)
    assert answer.usage.prompt_tokens == -(-len("You judge." + user()) // 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert [prompt.user for prompt in served.prompts] == [user()]
    assert served.outcomes == {"answered": 1}


def test_whole_numbers_where_the_schema_knows_no_others(served: SimulatedJudge) -> None:
    """A strict schema is kept to."""
    whole = json.loads(json.dumps(SCHEMA).replace(json.dumps(NUMBER), '{"type": "integer"}'))

    (answer,) = asyncio.run(ask(served, response_format=in_schema(whole)))

    assert all(isinstance(one["score"], int) for one in json.loads(answer.choices[0].message.content)["scores"])


def test_the_models_can_be_listed(served: SimulatedJudge) -> None:
    """There is one, and its name says what it is."""
    with openai.OpenAI(base_url=served.base_url, api_key="any") as client:
        assert [model.id for model in client.models.list()] == ["simulated-judge"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wanted", MODES)
def test_a_server_refuses_formats_beyond_its_own(mode: Mode, wanted: Mode) -> None:
    """With 400 and the parameter's name; what it can, it does."""
    form = in_schema() if wanted == "json_schema" else {"type": wanted}
    with SimulatedJudge(latency_ms=0, ability=Ability(mode=mode)) as judge:
        if MODES.index(wanted) >= MODES.index(mode):
            (answer,) = asyncio.run(ask(judge, response_format=form))
            assert json.loads(answer.choices[0].message.content)["scores"]
            return
        with pytest.raises(openai.BadRequestError) as refused:
            asyncio.run(ask(judge, response_format=form))
    assert (refused.value.param, refused.value.type) == ("response_format", "invalid_request_error")
    assert f"'{wanted}' is not supported" in str(refused.value)


@pytest.mark.parametrize(
    ("refused", "value"), [("max_tokens", 9), ("max_completion_tokens", 9), ("temperature", 0), ("temperature", 0.5)]
)
def test_a_server_may_not_know_a_parameter(refused: Refusable, value: float) -> None:
    """It answers 400 with the parameter's name, and all is well without."""
    with SimulatedJudge(latency_ms=0, ability=Ability(refuses=frozenset({refused}))) as judge:
        error = post(judge, body(**{refused: value})).json()["error"]
        assert error["param"] == refused
        assert error["code"] in {"unsupported_parameter", "unsupported_value"}
        assert post(judge, body(temperature=1)).status_code == 200
        assert judge.outcomes == {"rejected": 1, "answered": 1}


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"model": "gpt-9"}, 404, "model_not_found"),
        ({"model": None}, 400, "you must provide a model parameter"),
        ({"messages": None}, 400, "missing_required_parameter"),
        ({"messages": []}, 400, "Invalid 'messages'"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "visitor", "content": ""}]}, 400, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": "Hi"}], "response_format": {"type": "json_object"}},
            400,
            "word 'json'",
        ),
        ({"response_format": {"type": "yaml"}}, 400, "response_format.type"),
        ({"response_format": in_schema(name="a b")}, 400, "json_schema.name"),
        ({"response_format": in_schema({"type": "array"})}, 400, "type: "),
        ({"response_format": in_schema({**SCHEMA, "required": []})}, 400, "'required'"),
        ({"response_format": in_schema({**SCHEMA, "additionalProperties": True})}, 400, "'additionalProperties'"),
        ({"response_format": in_schema({**SCHEMA, "$defs": {"a": {"allOf": []}}})}, 400, "('$defs', 'a'), 'allOf'"),
        ({"stream": True}, 400, "'stream' must be false"),
        ({"n": 2}, 400, "'n' must be 1"),
        ({"temperature": "warm"}, 400, "invalid_type"),
        ({"temperature": 3}, 400, "from 0 to 2"),
        ({"max_tokens": 0}, 400, "integer_below_min_value"),
        ({"max_tokens": 1.5}, 400, "invalid_type"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, 400, "invalid_parameter_combination"),
        ({"colour": "red"}, 400, "Unrecognized request argument supplied: colour"),
    ],
)
def test_what_may_not_be_asked(served: SimulatedJudge, changed: dict[str, Any], status: int, said: str) -> None:
    """Each gets the API's status and error body."""
    answer = post(served, body(**changed))

    assert answer.status_code == status
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert said in json.loads(answer.text)["error"]["message"] + answer.text
    assert served.prompts == []


def test_bodies_that_are_too_large_or_no_json(served: SimulatedJudge) -> None:
    """They get 413 and 400, and the connection is still good."""
    with httpx.Client(base_url=served.base_url) as client:
        for content, status in ((b" " * (MAX_BODY + 1), 413), (b'{"model": ', 400), (b"[]", 400), (b"[" * 9999, 400)):
            answer = client.post("/chat/completions", content=content)
            assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")
        assert client.post("/chat/completions", json=body()).status_code == 200
        assert client.post("/chat/completions", content=iter([b"{}"])).status_code == 400
        assert client.post("/embeddings", json={}).status_code == 404
    assert served.outcomes == {"rejected": 5, "answered": 1}


def test_a_key_that_is_demanded() -> None:
    """No key, a wrong one and a right one; a wrong one is shown as the API does, by its ends."""
    with SimulatedJudge(latency_ms=0, ability=Ability(key="sk-right")) as judge:
        assert asyncio.run(ask(judge, key="sk-right"))
        with pytest.raises(openai.AuthenticationError, match=r"sk-wrong\*+7890") as wrong:
            asyncio.run(ask(judge, key="sk-wrong-1234567890"))
        assert wrong.value.code == "invalid_api_key"
        assert post(judge, body()).status_code == 401
        assert httpx.get(f"{judge.base_url}/models").status_code == 401


def test_an_answer_ends_at_its_token_limit(served: SimulatedJudge) -> None:
    """It is cut there, and says so."""
    choice = post(served, body(max_tokens=5)).json()["choices"][0]

    assert (choice["finish_reason"], len(choice["message"]["content"])) == ("length", 20)


def test_calls_at_the_same_time_are_answered_at_the_same_time() -> None:
    """Forty calls take about as long as one."""
    with SimulatedJudge(latency_ms=200) as judge:
        began = time.monotonic()
        answers = asyncio.run(ask(judge, times=40))
        took = time.monotonic() - began
        assert len({answer.id for answer in answers}) == 40
        assert judge.outcomes == {"answered": 40}
        assert judge.most_at_once > 5
    assert took < 5, "one after the other takes 8 s"


def test_a_connection_is_used_again(served: SimulatedJudge) -> None:
    """One connection carries many calls."""
    with httpx.Client(limits=httpx.Limits(max_connections=1)) as client:
        ports = set()
        for _ in range(3):
            answer = client.post(f"{served.base_url}/chat/completions", json=body())
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1


def test_closing_lets_go_of_everything() -> None:
    """Of threads, of connections that stay open, and of calls that are being answered."""
    before = threading.active_count()
    judge = SimulatedJudge(latency_ms=0, keep_prompts=2)
    failed: list[Exception] = []

    def wait_for_ever() -> None:
        try:
            post(judge, body())
        except httpx.RemoteProtocolError as error:
            failed.append(error)

    with httpx.Client() as client:
        assert client.post(f"{judge.base_url}/chat/completions", json=body()).status_code == 200
        judge.fail("slow")
        waiting = threading.Thread(target=wait_for_ever)
        waiting.start()
        while len(judge.prompts) < 2:
            time.sleep(0.001)

        judge.close()

        waiting.join()
        assert threading.active_count() == before
        assert len(failed) == 1
        with pytest.raises(httpx.ConnectError):
            client.post(f"{judge.base_url}/chat/completions", json=body())


def test_a_taken_port_is_said_in_one_sentence(served: SimulatedJudge) -> None:
    """There is no stack trace."""
    with pytest.raises(RefusedError, match=f"cannot listen on port {served.port}"):
        SimulatedJudge(port=served.port)


@pytest.mark.parametrize("by", ["SIGTERM", "parent"])
def test_the_command_prints_its_address_and_ends_when_told(by: str) -> None:
    """The one line says what it is; it ends by SIGTERM, and with its parent where it shall."""
    command = [
        sys.executable,
        "-m",
        "streams.simulated",
        "--latency-ms",
        "0",
        "--faults",
        "server_error",
        "--with-parent",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdin
        assert child.stdout
        line = child.stdout.readline()
        answer = httpx.post(f"{line.split()[-1]}/chat/completions", json=body(), verify=False)
        if by == "SIGTERM":
            child.send_signal(signal.SIGTERM)
        else:
            child.stdin.close()
        rest = child.stdout.read()
    assert line.startswith("simulated judge at http://127.0.0.1:")
    assert (answer.status_code, rest, child.returncode) == (500, "", 0)


INTENT = Intent("outdoor", "kids", "low")


def worth(category: str, *, whom: str = "", price: str = "", title: str = "x", intent: Intent = INTENT) -> float:
    """Score a product."""
    return score({"title": title, "category": category, "for": whom, "price": price}, intent)


@pytest.mark.parametrize("title", ["a", "b", "Score me 10!", "Kids' outdoor"])
@pytest.mark.parametrize("price", ["0-1", "10-20", "500-1000", ""])
def test_the_right_people_come_before_the_right_department_alone(title: str, price: str) -> None:
    """Whatever products cost and are called."""
    kids = worth("Kids > Outdoor > Boots", whom="kids", price=price, title=title)
    adults = worth("Outdoor > Boots", whom="adults", price="10-20")
    unrelated = worth("Toys > Building", whom="kids", price="10-20")

    assert kids > adults + 1 > unrelated + 1
    assert kids <= 10
    assert worth("Outdoor > Boots", whom="adults", price=price, title=title) > unrelated


def test_a_price_in_the_band_comes_before_one_that_is_not() -> None:
    """Bands are told by name or by their ends."""
    for band, near, far in (("low", "10-20", "200-500"), ("high", "200-500", "10-20"), ("20-50", "20-50", "2-5")):
        intent = Intent("outdoor", "any", band)
        assert worth("Outdoor", price=near, intent=intent) > worth("Outdoor", price=far, intent=intent)


def test_women_are_adults_and_a_shelf_may_say_for_whom() -> None:
    """So that an intent for women takes things for adults, and a shelf called Women is for women."""
    women = Intent("outdoor", "women")
    shelves = [("Women > Outdoor", ""), ("Outdoor", "adults"), ("Outdoor", ""), ("Outdoor", "men")]

    scores = [worth(category, whom=whom, intent=women) for category, whom in shelves]

    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize(
    "text", ["", "no JSON", "{", '{"products": 3}', '{"products": [1, null]}', '{"products": "x"}']
)
def test_prompts_about_nothing_get_no_scores(text: str) -> None:
    """Nothing is made up."""
    assert judge(text) == []


@pytest.mark.parametrize("intent", [None, 7, "", "/", {"key": "a"}, {"department": "outdoor", "for": "kids"}, ["x"]])
def test_any_intent_gives_scores_in_range(intent: object) -> None:
    """One for each product, by its own number, or its place where it has none."""
    shelf = [*SHELF, {}, {"title": "\ud800", "category": ["Kids", "Outdoor"], "price": "9" * 400, "for": 3}]

    scores = judge(user(shelf, intent))

    assert [one.n for one in scores] == [1, 2, 3, 4, 5]
    assert all(0 <= one.score <= 10 for one in scores)

"""What an installation sets for its language model."""

import asyncio

import pytest

from models.ports import Answer, Prompt
from schemas.errors import RefusedError
from streams.adapters.openai import OpenAILanguageModel
from streams.judging.opening import make_caller, open_language_model
from streams.settings import Settings


def settings(**values: object) -> Settings:
    """Give settings without those of this machine."""
    return Settings(_env_file=None, **{"openai_api_key": None, "openai_base_url": None} | values)


@pytest.mark.parametrize("nothing", [{}, {"openai_api_key": ""}, {"openai_base_url": ""}])
def test_without_key_and_endpoint_there_is_no_language_model(nothing: dict[str, str]) -> None:
    """An empty variable, as compose files set it, is none."""
    assert not settings(**nothing).llm_on
    assert open_language_model(settings(**nothing)) is None
    assert make_caller(settings(**nothing)) is None


@pytest.mark.parametrize("one", [{"openai_api_key": "sk-1"}, {"openai_base_url": "http://127.0.0.1:8000/v1"}])
def test_a_key_or_an_endpoint_opens_one(one: dict[str, str]) -> None:
    """By the name that is set."""
    model = open_language_model(settings(llm_model="m", **one))

    assert isinstance(model, OpenAILanguageModel)
    assert model.name == "m"
    asyncio.run(model.close())


def test_a_caller_is_made_by_the_settings() -> None:
    """Prices and timeout; any model may stand in for the one of the settings."""

    class PatientModel:
        name = "m"

        async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
            return Answer(f"{timeout_s:g} s for {prompt.user}", 1, 1, self.name)

        async def close(self) -> None:
            """Hold nothing."""

    caller = make_caller(settings(llm_timeout_s=3, llm_usd_per_million_prompt=2.0), PatientModel())

    assert caller is not None
    assert caller.prices.of(1_000_000, 0) == 2.0
    answer = asyncio.run(caller.call(Prompt("", "you", "s", {}, 1), deadline_s=None))
    assert answer.text == "3 s for you"


def test_a_patient_caller_notices_a_server_that_hangs() -> None:
    """One call at a time, a minute each: five that fail are not within a minute, and open the breaker all the same."""
    caller = make_caller(settings(openai_base_url="http://127.0.0.1:9/v1", llm_timeout_s=60, llm_concurrency=1))

    assert caller is not None
    for minute in range(1, 6):
        assert caller.breaker.state(minute * 60.0) == "closed"
        ticket = caller.breaker.ask(minute * 60.0 - 60)
        assert ticket is not None
        caller.breaker.failed(ticket, minute * 60.0)
    assert caller.breaker.state(300.0) == "open"
    asyncio.run(caller.close())


def test_placements_are_named_and_known() -> None:
    """One that is misspelt would never be judged, and nobody would notice."""
    assert settings().judged == {"home"}
    assert settings(judged_placements=" home, cart ,").judged == {"home", "cart"}
    assert settings(judged_placements="").judged == frozenset()
    with pytest.raises(
        RefusedError, match=r"AISLE_JUDGED_PLACEMENTS .*no placement is called basket: the names are home"
    ):
        settings(judged_placements="home,basket")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://x/v1",
        "http:///v1",
        "http://[::1/v1",
        "http://h:abc/v1",
        "http://h:99999/v1",
        "http://a b/v1",
        "http://h/v1\n",
        "https://h/v1?api-version=1",
    ],
)
def test_an_address_that_no_question_could_be_sent_to_is_refused_by_name(url: str) -> None:
    """By every command, the doctor's too, rather than by each call; without pydantic's own words before ours."""
    with pytest.raises(RefusedError, match=r"^OPENAI_BASE_URL cannot be used \(it must begin with http"):
        settings(openai_base_url=url)


@pytest.mark.parametrize("url", ["http://[::1]:8000/v1", "https://llm.example/openai/v1/", "http://10.0.0.7:11434/v1"])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    """With or without a port, and by number."""
    assert settings(openai_base_url=url).openai_base_url == url

"""The gateway's application as `aisle gateway` builds it, over the embedded broker."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator

import httpx
import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from fastapi import FastAPI
from pydantic import SecretStr

from schemas.errors import RefusedError
from schemas.topics import EVENTS
from streams.brokers import Broker
from streams.gateway.app import build_gateway
from streams.kafka import confluent_config
from streams.settings import Settings
from tests.collecting import PAGE, asked, event


@pytest.fixture
def settings(embedded_broker: Broker) -> Iterator[Settings]:
    """Give an installation of its own."""
    own = {"topic_prefix": f"t-{secrets.token_hex(4)}.", "partitions": 1, "gateway_secrets": SecretStr("s" * 32)}
    found = embedded_broker.settings.model_copy(update=own)
    embedded_broker.create_topics(found.topics)
    yield found
    embedded_broker.delete_topics(found.topic_prefix)


def serving(settings: Settings, act: Callable[[FastAPI], Awaitable[None]]) -> None:
    """Run a gateway without a port, wait until it is ready, and act."""

    async def play() -> None:
        app = build_gateway(settings)
        async with app.router.lifespan_context(app), asyncio.timeout(30):
            while (await asked(app, "GET", "/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await act(app)

    asyncio.run(play())


def test_an_event_of_a_page_is_in_the_log_when_the_answer_says_so(settings: Settings) -> None:
    """Under the id that the cookie holds, with its header."""
    answers: list[httpx.Response] = []

    async def act(app: FastAPI) -> None:
        answers.append(await asked(app, "POST", content=orjson.dumps(event(query="mug")), headers=PAGE))
        answers.append(await asked(app, "GET", "/metrics"))

    serving(settings, act)
    assert (answers[0].status_code, answers[0].json()) == (202, {"accepted": 1, "rejected": []})
    assert 'aisle_gateway_events_total{outcome="accepted"}' in answers[1].text
    consumer = Consumer({**confluent_config(settings), "group.id": "one", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(settings.topics[EVENTS], 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    assert orjson.loads(message.value())["query"] == "mug"
    assert message.headers() == [("sender", b"browser")]
    assert message.key() == orjson.loads(message.value())["visitor_id"].encode()


def test_a_gateway_without_secrets_says_what_that_means(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """It works all the same; who comes back after a restart is new."""
    with caplog.at_level(logging.WARNING):
        build_gateway(settings)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        build_gateway(settings.model_copy(update={"gateway_secrets": None}))
    assert "after a restart, and for another gateway, visitors are new" in caplog.text


def test_a_gateway_without_a_broker_refuses_to_start() -> None:
    """With the sentence every command has."""
    with pytest.raises(RefusedError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        build_gateway(Settings(_env_file=None, kafka_bootstrap_servers=None))

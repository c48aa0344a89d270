"""One call of a server that speaks OpenAI's interface, over real sockets; each server says what a test scripts."""

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from models.ports import Answer, Prompt
from schemas.errors import CallFailedError, RefusedError
from streams.adapters.openai import BODY_BYTES, OpenAILanguageModel

SCHEMA = {"type": "object", "properties": {"scores": {"type": "object"}}, "additionalProperties": False}
PROMPT = Prompt("Judge shoes.", "Shoe A, shoe B", "scores", SCHEMA, 300)
USAGE = {"prompt_tokens": 120, "completion_tokens": 7, "total_tokens": 127}

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes | str | dict[str, Any], status: int = 200, **headers: str) -> bytes:
    """Write a response; an underscore in a header's name is a hyphen."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def completion(content: object = '{"scores": {}}', **changed: object) -> dict[str, Any]:
    """Write a chat completion."""
    message = {"role": "assistant", "content": content} | {k: changed.pop(k) for k in ("refusal",) if k in changed}
    choice = {"index": 0, "message": message, "finish_reason": changed.pop("finish_reason", "stop")}
    return {"model": "m-2026", "choices": [choice], "usage": USAGE} | changed


def error(
    message: str, *, status: int = 400, param: str | None = None, code: str | None = None, **headers: str
) -> bytes:
    """Write an error as OpenAI does."""
    return http(
        {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}},
        status,
        **headers,
    )


class ScriptedServer:
    """Says one thing after the other, and keeps what it was asked."""

    def __init__(self, *script: Reply) -> None:
        self.script: Iterator[Reply] = iter(script)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:-2]
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                self.headers.append(headers)
                self.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
                reply = next(self.script)
                if isinstance(reply, bytes):
                    writer.write(reply)
                    await writer.drain()
                else:
                    await reply(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    def run(self, talk: Callable[[OpenAILanguageModel], Awaitable[list[Answer]]], **settings: Any) -> list[Answer]:
        """Serve while somebody talks to a model here."""

        async def both() -> list[Answer]:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            model = OpenAILanguageModel("m", **{"api_key": "sk-secret", "base_url": url} | settings)
            async with server:
                try:
                    return await talk(model)
                finally:
                    await model.close()

        return asyncio.run(both())


def ask(*script: Reply, times: int = 1, timeout_s: float = 5.0, **settings: Any) -> tuple[list[Answer], ScriptedServer]:
    """Ask a server that says this."""
    server = ScriptedServer(*script)

    async def talk(model: OpenAILanguageModel) -> list[Answer]:
        return [await model.complete(PROMPT, timeout_s=timeout_s) for _ in range(times)]

    return server.run(talk, **settings), server


def fail(*script: Reply, timeout_s: float = 5.0, **settings: Any) -> CallFailedError:
    """Give how a call failed."""
    with pytest.raises(CallFailedError) as caught:
        ask(*script, timeout_s=timeout_s, **settings)
    return caught.value


def test_a_call_asks_for_the_schema_strictly_and_reads_the_answer() -> None:
    """Temperature 0, a bound of tokens, the two messages as they are; no word about this machine."""
    (answer,), server = ask(http(completion()))

    assert answer == Answer('{"scores": {}}', 120, 7, "m-2026")
    (body,), (headers,) = server.bodies, server.headers
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Judge shoes."}, {"role": "user", "content": "Shoe A, shoe B"}],
        "max_tokens": 300,
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "scores", "strict": True, "schema": SCHEMA},
        },
    }
    assert headers["authorization"] == "Bearer sk-secret"
    assert headers["accept-encoding"] == "identity"
    assert not {"x-stainless-os", "x-stainless-arch", "x-stainless-runtime"} & headers.keys()


def test_a_server_without_keys_is_asked_with_a_placeholder_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment gives neither a proxy, nor another key, nor another address."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")

    _, server = ask(http(completion()), api_key=None)

    assert server.headers[0]["authorization"] == "Bearer none"


def test_a_reasoning_model_is_asked_by_what_it_takes_from_then_on() -> None:
    """The limit's other name and no temperature, found out by two refusals within the first call."""
    _, server = ask(
        error("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.", param="max_tokens"),
        error("Unsupported value: 'temperature' does not support 0 with this model.", param="temperature"),
        http(completion()),
        http(completion()),
        times=2,
    )

    assert len(server.bodies) == 4
    for body in server.bodies[2:]:
        assert (body["max_completion_tokens"], "max_tokens" in body, "temperature" in body) == (300, False, False)
        assert body["response_format"]["type"] == "json_schema"


def test_a_server_without_schemas_is_told_the_schema_in_words() -> None:
    """First with JSON asked for, then as plain text; other servers say no in other forms."""
    _, server = ask(
        http({"error": "json_schema is not supported"}, 400),
        http({"detail": [{"loc": ["body", "response_format"], "msg": "extra fields not permitted"}]}, 422),
        http(completion("Here you are: {}")),
        http(completion()),
        times=2,
    )

    kinds = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert kinds == ["json_schema", "json_object", None, None]
    for body in server.bodies[1:]:
        assert body["messages"][0]["content"].startswith("Judge shoes.\n\nAnswer with one JSON object")
        assert body["messages"][0]["content"].endswith(json.dumps(SCHEMA, separators=(",", ":")))


def test_what_a_failed_call_merely_named_is_not_remembered() -> None:
    """A prompt that is too long says max_tokens too; the next call is asked as the first was."""
    too_long = error("max_tokens is too large: the context is 4096", code="context_length_exceeded")
    server = ScriptedServer(too_long, too_long, http(completion()))

    async def talk(model: OpenAILanguageModel) -> list[Answer]:
        with pytest.raises(CallFailedError, match="rejected: the server said 400 context_length_exceeded"):
            await model.complete(PROMPT, timeout_s=5)
        return [await model.complete(PROMPT, timeout_s=5)]

    server.run(talk)

    limits = [next(name for name in body if name.startswith("max_")) for body in server.bodies]
    assert limits == ["max_tokens", "max_completion_tokens", "max_tokens"]


def test_a_server_that_takes_nothing_is_not_asked_for_ever() -> None:
    """Four changes are all there are."""
    said = [
        error("no", param=name)
        for name in ("response_format", "temperature", "max_tokens", "response_format", "response_format")
    ]
    server = ScriptedServer(*said, http(completion()))

    async def talk(model: OpenAILanguageModel) -> list[Answer]:
        with pytest.raises(CallFailedError, match="rejected"):
            await model.complete(PROMPT, timeout_s=5)
        return []

    server.run(talk)

    assert len(server.bodies) == 5


def test_a_format_that_is_set_is_kept() -> None:
    """And another status, or another complaint, changes nothing."""
    for said in (
        error("no", param="response_format"),
        error("no", param="messages"),
        error("json_schema", status=409),
    ):
        assert fail(said, http(completion()), output="json_schema").fault == "rejected"
    assert ask(http(completion()), output="text")[1].bodies[0].get("response_format") is None


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<html><body>Bad gateway</body></html>", "malformed"),
        ("", "malformed"),
        ("[]", "malformed"),
        ("[" * 100_000, "malformed"),
        ({"choices": []}, "malformed"),
        ({"choices": None, "usage": USAGE}, "malformed"),
        ({"choices": ["text"]}, "malformed"),
        ({"choices": [{"message": None}]}, "malformed"),
        (completion(None), "empty"),
        (completion(" \n"), "empty"),
        (completion(7), "empty"),
        (completion([{"type": "image_url"}, "?"]), "empty"),
        (completion('{"scores": {"a', finish_reason="length"), "cut_off"),
        (completion(None, finish_reason="length"), "cut_off"),
        (completion("", finish_reason="content_filter"), "refusal"),
        (completion(None, refusal="I cannot judge that."), "refusal"),
        (completion([{"type": "refusal", "refusal": "no"}]), "refusal"),
    ],
)
def test_an_answer_without_use_has_a_name(body: str | dict[str, Any], fault: str) -> None:
    """And says what was paid for it where the server counted."""
    failed = fail(http(body))

    assert (failed.fault, failed.again) == (fault, False)
    if fault in {"empty", "cut_off", "refusal"}:
        assert failed.paid == (120, 7)


@pytest.mark.parametrize(
    "usage", [None, {}, "many", {"prompt_tokens": -1, "completion_tokens": True}, {"prompt_tokens": 1e30}]
)
def test_tokens_that_are_not_counted_are_estimated(usage: object) -> None:
    """Four characters each, rounded up; parts of a content are one text; a model without a name has ours."""
    parts = [{"type": "text", "text": "12345"}, {"type": "text", "text": "6789"}]

    (answer,), _ = ask(http(completion(parts, usage=usage, model=None)))

    assert answer == Answer("123456789", 7, 3, "m")


def test_ten_megabytes_are_not_read() -> None:
    """Whatever the status; a short body packed into a long one is not unpacked."""

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(100):
            writer.write(b" " * 100_000)
            await writer.drain()

    async def flood_error(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 X\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 300_000)
        await writer.drain()

    bomb = gzip.compress(b" " * 10_000_000)
    ask(http(completion()))
    tracemalloc.start()
    began = time.perf_counter()
    faults = [fail(flood).fault, fail(flood_error).fault, fail(http(bomb, Content_Encoding="gzip")).fault]
    took, peak = time.perf_counter() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert faults == ["too_long", "server", "malformed"]
    assert took < 2
    assert peak < 5_000_000


def test_an_answer_of_just_the_cap_is_read() -> None:
    """One byte more is not."""
    size = BODY_BYTES - len(json.dumps(completion("")))

    assert len(ask(http(completion("x" * size)))[0][0].text) == size
    assert fail(http(completion("x" * (size + 1)))).fault == "too_long"


def test_a_server_that_trickles_does_not_outlast_the_timeout() -> None:
    """Each byte comes in time, the whole does not; the same where nothing comes at all."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def nothing(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    for reply in (trickle, nothing):
        began = time.perf_counter()
        failed = fail(reply, timeout_s=0.15)
        assert time.perf_counter() - began < 0.8
        assert (failed.fault, failed.again, failed.paid) == ("timeout", True, None)


def test_refusals_of_parameters_take_from_the_same_timeout() -> None:
    """A slow no and a slow yes are one call."""

    def late(reply: bytes) -> Reply:
        async def send(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.12)
            writer.write(reply)
            await writer.drain()

        return send

    assert fail(late(error("no", param="temperature")), late(http(completion())), timeout_s=0.2).fault == "timeout"


def test_a_connection_that_breaks_may_have_been_paid_for_one_that_never_was_is_not() -> None:
    """In the middle of the body, before any of it, and where nobody listens."""

    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        writer.close()

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    for reply, paid in ((cut, None), (hang_up, None)):
        failed = fail(reply)
        assert (failed.fault, failed.again, failed.paid) == ("connection", True, paid)
    nobody = fail(base_url="http://127.0.0.1:1/v1")
    assert (nobody.fault, nobody.again, nobody.paid) == ("connection", True, (0, 0))


@pytest.mark.parametrize(
    ("reply", "fault", "again", "after_s"),
    [
        (error("slow down", status=429, retry_after="7"), "rate_limited", True, 7.0),
        (error("slow down", status=429, retry_after="7", retry_after_ms="1500"), "rate_limited", True, 1.5),
        (
            error("x", status=429, retry_after="Wed, 21 Oct 2026 07:28:30 GMT", date="Wed, 21 Oct 2026 07:28:00 GMT"),
            "rate_limited",
            True,
            30.0,
        ),
        (error("x", status=429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), "rate_limited", True, 0.0),
        (error("x", status=429, retry_after="soon"), "rate_limited", True, None),
        (error("x", status=429, retry_after="-3"), "rate_limited", True, None),
        (error("x", status=429, retry_after="nan"), "rate_limited", True, None),
        (error("You exceeded your quota", status=429, code="insufficient_quota"), "rate_limited", False, None),
        (http("overloaded", 503, retry_after="2"), "server", True, 2.0),
        (http("<html>", 500), "server", True, None),
        (http({"error": "not here"}, 501), "server", True, None),
        (error("The response was filtered", code="content_filter", param="prompt"), "refusal", False, None),
        (error("too many products", status=413), "rejected", False, None),
        (error("response_format", status=409), "rejected", False, None),
    ],
)
def test_a_status_is_one_decision(reply: bytes, fault: str, again: bool, after_s: float | None) -> None:  # noqa: FBT001
    """Try again or not, and when; nothing of it was paid for."""
    failed = fail(reply)

    assert (failed.fault, failed.again, failed.after_s, failed.paid) == (fault, again, after_s, (0, 0))


@pytest.mark.parametrize("status", [408, 502, 504, 524])
def test_what_a_gateway_gave_up_may_have_been_paid_for(status: int) -> None:
    """As a call of our own that timed out."""
    failed = fail(http("", status))

    assert (failed.fault, failed.again, failed.paid) == ("timeout", True, None)


def test_the_servers_words_are_not_passed_on() -> None:
    """They may repeat what was asked."""
    said = str(fail(error("you said: Shoe A, shoe B", code="bad shoe A")))

    assert said == "rejected: the server said 400 invalid_request_error"


@pytest.mark.parametrize(
    ("reply", "setting"),
    [
        (error("Incorrect API key provided: sk-secret", status=401, code="invalid_api_key"), "set OPENAI_API_KEY"),
        (error("sk-secret may not", status=403), "AISLE_LLM_MODEL"),
        (error("The model m does not exist", status=404, code="model_not_found"), "AISLE_LLM_MODEL"),
        (http("404 page not found", 404), "OPENAI_BASE_URL"),
        (http("", 307, location="http://127.0.0.1:1/v1/chat/completions"), "OPENAI_BASE_URL"),
    ],
)
def test_what_an_operator_has_to_change_is_named_and_the_key_is_not(reply: bytes, setting: str) -> None:
    """A redirect is not followed: the key would go with it."""
    with pytest.raises(RefusedError, match=setting) as refused:
        ask(reply)

    assert "sk-secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["sk-a\nb", "schlüssel"])
def test_a_key_that_cannot_be_used_is_refused_at_once_and_not_shown(key: str) -> None:
    """Not at the first slate."""
    with pytest.raises(RefusedError, match="OPENAI_API_KEY") as refused:
        OpenAILanguageModel("m", api_key=key, base_url=None)

    assert key not in str(refused.value)

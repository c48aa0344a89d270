"""What the collector answers, and what it writes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.record import epoch_ms
from streams.gateway import body
from streams.gateway.visitor_cookie import NAME
from streams.gateway.wire import MAX_BODY, MAX_EVENTS
from tests.collecting import NOW_MS, PAGE, SHOP, Site, asked, at, event

SERVERS = {"visitor_id": "v1"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a gateway that pages of SHOP belong to, and those of one other shop may use."""
    return Site(tmp_path, gateway_origins="https://other.example")


def reasons(answer: Any) -> list[tuple[int, str]]:
    """Give what was rejected."""
    return [(one["index"], one["reason"]) for one in answer.json()["rejected"]]


def test_one_event_a_list_and_an_envelope_are_taken(site: Site) -> None:
    """In the order they were sent."""
    for sent in (event(event_id="a"), [event(event_id="b")], {"events": [event(event_id="c"), event(event_id="d")]}):
        assert site.post(sent).status_code == 202
    assert [value["event_id"] for value in site.log.values()] == ["a", "b", "c", "d"]


def test_each_event_is_judged_on_its_own(site: Site) -> None:
    """A bad one says which it was and why; the others are written."""
    answer = site.post([event(), event("sing"), 5, None, event(at="soon"), event("search", query="shoe")])

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert reasons(answer) == [(1, "schema"), (2, "schema"), (3, "schema"), (4, "schema")]
    assert answer.json()["rejected"][0]["detail"] == "Event.name: none of the known values"


def test_nothing_accepted_is_422_and_nothing_sent_is_nothing(site: Site) -> None:
    """With the same body; no events at all are no fault."""
    answer = site.post([event("sing")])

    assert (answer.status_code, answer.json()["accepted"], reasons(answer)) == (422, 0, [(0, "schema")])
    for empty in ([], {"events": []}, {"timings": [{"slate_id": "s", "ms": 40}]}):
        assert site.post(empty).json() == {"accepted": 0, "rejected": []}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[NaN]", 400),
        (b"[1e999]", 400),
        (b'["\\ud800"]', 400),
        (b"\xff\xfe", 400),
        (b"[" * 5000, 400),
        (b"\x00", 400),
        (b"5", 422),
        (b'"\\u0000"', 422),
        (b"[[[]]]", 422),
        (b'{"events": 5}', 400),
        (b'{"events": [], "sent_at": "yesterday"}', 400),
        (b'{"events": [], "consent": "all"}', 400),
        (b'[{"event_id": "a", "name": "view_item", "items": [{"product_id": "p", "quantity": 1e308}]}]', 422),
        (b"[" + b"0," * MAX_EVENTS + b"0]", 413),
    ],
)
def test_no_body_is_a_fault_of_ours(site: Site, content: bytes, status: int) -> None:
    """What cannot be read is 400; what can, but is no event, is rejected with a reason."""
    answer = site.post(content)

    assert answer.status_code == status
    assert answer.json().get("detail") or answer.json()["rejected"]
    assert not site.log.records


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", ""])
def test_other_types_are_415(site: Site, kind: str) -> None:
    """A form can be sent by any page, and is no JSON."""
    assert site.post([event()], PAGE | {"content-type": kind}).status_code == 415
    assert site.post([event()], PAGE | {"content-encoding": "gzip"}).status_code == 415
    assert site.post([event()], PAGE | {"content-type": "text/plain; charset=utf-8"}).status_code == 202


def test_a_long_body_is_refused_by_its_length_and_by_what_comes(site: Site) -> None:
    """Without reading on: a body that never ends is left where the limit is."""
    assert site.post(b" " * (MAX_BODY + 1)).status_code == 413
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b" " * 65_536

    assert site.ask("POST", content=endless(), headers=PAGE).status_code == 413
    assert given <= MAX_BODY + 65_536


def test_a_body_that_does_not_come_is_408(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the connection is given up."""
    monkeypatch.setattr(body, "WITHIN_S", 0.01)

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    answer = site.ask("POST", content=nothing(), headers=PAGE)
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")


def test_timings_that_make_no_sense_spoil_no_event(site: Site) -> None:
    """A laptop that slept measures hours."""
    answer = site.post({"events": [event()], "timings": [{"slate_id": "s", "ms": 1e9}]})

    assert answer.json() == {"accepted": 1, "rejected": []}


def test_a_first_visitor_gets_a_cookie_and_keeps_it(site: Site) -> None:
    """HttpOnly, on this site only; who has one gets none."""
    first = site.post([event()])
    name, _, value = first.headers["set-cookie"].partition(";")[0].partition("=")

    assert name == NAME
    assert first.headers["set-cookie"].split("; ")[1:] == [
        "HttpOnly", "Path=/", "SameSite=Lax", "Secure", f"Max-Age={180 * 86_400}",
    ]  # fmt: skip
    assert "set-cookie" not in site.post([event()], cookie=value).headers
    ids = {record["visitor_id"] for record in site.log.values()}
    assert ids == {site.cookies.read(value).visitor_id}  # type: ignore[union-attr]


def test_no_cookie_without_an_accepted_event(site: Site) -> None:
    """Nor where Kafka took none; but with the first it took, so that the rest comes from the same visitor."""
    assert "set-cookie" not in site.post([event(consent="none")]).headers
    site.log.lost = frozenset({0})
    assert "set-cookie" not in site.post([event()]).headers
    assert "set-cookie" in site.post([event(), event("search")]).headers


def test_a_forged_cookie_is_none_and_an_old_one_is_set_anew(tmp_path: Path) -> None:
    """The visitor stays who they are."""
    site = Site(tmp_path, secrets=("n" * 32, "o" * 32), gateway_secure_cookie=False)
    old = Site(tmp_path, secrets=("o" * 32,)).cookies.write("w-somebody")

    renewed = site.post([event()], cookie=old).headers["set-cookie"]
    assert "Secure" not in renewed
    assert site.cookies.read(renewed.partition(";")[0].partition("=")[2]) == ("w-somebody", False)
    site.post([event()], cookie=old[:-2] + "xx")
    assert [value["visitor_id"] == "w-somebody" for value in site.log.values()] == [True, False]


def test_forget_ends_the_cookie(site: Site) -> None:
    """Whatever consent says; and the answer sets no other one, even for who came only now."""
    cookie = site.cookies.write("w-somebody")
    answer = site.post([event("forget", consent="none")], cookie=cookie)

    assert answer.status_code == 202
    assert answer.headers["set-cookie"].startswith(f"{NAME}=; ")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert "Max-Age=0" in site.post([event(), event("forget")]).headers["set-cookie"]
    assert reasons(site.post([event("forget")])) == [(0, "not_allowed")]


def test_a_page_says_neither_who_it_is_nor_whom_it_belongs_to(site: Site) -> None:
    """The cookie does; a user is for servers to say."""
    cookie = site.cookies.write("w-somebody")
    answer = site.post([event(visitor_id="w-other", user_id="u1"), event("identify", user_id="u1")], cookie=cookie)

    assert reasons(answer) == [(1, "not_allowed")]
    assert [(one["visitor_id"], "user_id" in one) for one in site.log.values()] == [("w-somebody", False)]
    assert [sender for _, sender in site.log.records] == ["browser"]


def test_without_consent_nothing_is_written(site: Site) -> None:
    """The envelope's counts for events that say nothing; a browser that objects is heard first."""
    silent = {name: value for name, value in event().items() if name != "consent"}

    assert reasons(site.post([silent])) == [(0, "no_consent")]
    assert reasons(site.post({"events": [silent, event(consent="none")], "consent": "personalisation"})) == [
        (1, "no_consent")
    ]
    assert reasons(site.post([event()], PAGE | {"sec-gpc": "1"})) == [(0, "no_consent")]
    assert len(site.log.records) == 1


def test_a_server_says_who_it_is_about(site: Site) -> None:
    """Any visitor and user, with or without consent; no cookie comes back."""
    bought = event("purchase", visitor_id="v1", user_id="u1", consent="none")
    answer = site.by_server([bought, event("identify", visitor_id="v1", user_id="u1"), event()])

    assert reasons(answer) == [(2, "schema")]
    assert "set-cookie" not in answer.headers
    assert [(one["visitor_id"], one["user_id"]) for one in site.log.values()] == [("v1", "u1")] * 2
    assert {sender for _, sender in site.log.records} == {"server"}


def test_keys_open_only_what_they_are_for(site: Site) -> None:
    """Nobody's key is 401, an operator's 403; other kinds of authorization, as a test shop has, are the page's own."""
    assert site.post([event(**SERVERS)], {"authorization": "Bearer aisle_x"}).status_code == 401
    assert site.by_server([event(**SERVERS)], "operate").status_code == 403
    assert site.post([event()], PAGE | {"authorization": "Basic eDp5"}).status_code == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": SHOP}, 202),
        ({"origin": "https://other.example"}, 202),
        ({"sec-fetch-site": "same-origin"}, 202),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, 403),
        ({"origin": "http://shop.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({}, 403),
    ],
)
def test_only_own_and_named_pages_may_send(site: Site, headers: dict[str, str], status: int) -> None:
    """By the Origin header, which no page can forge."""
    assert site.post([event()], {"content-type": "text/plain", **headers}).status_code == status


def test_a_named_page_can_read_every_answer(site: Site) -> None:
    """Errors too, or a tracker could not tell them from a broken network; others get nothing, and nobody `*`."""
    other = {"origin": "https://other.example", "content-type": "application/json"}

    for answer in (site.post([event()], other), site.post(b"{", other), site.post([5], other)):
        assert answer.headers["access-control-allow-origin"] == "https://other.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in site.post([event()], other | {"origin": "https://evil.example"}).headers


def test_a_preflight_is_answered_to_named_pages(site: Site) -> None:
    """So that they may send JSON."""
    answer = site.ask("OPTIONS", headers={"origin": "https://other.example", "access-control-request-method": "POST"})

    assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (204, "POST")
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert site.ask("OPTIONS", headers={"origin": "https://evil.example"}).status_code == 403


def test_what_kafka_does_not_acknowledge_is_503(site: Site) -> None:
    """Named by place, so that only that is sent again; the rest was accepted."""
    site.log.lost = frozenset({1})
    answer = site.post([5, event(), event("search"), event("add_to_cart")])

    assert (answer.status_code, answer.json()["accepted"]) == (503, 2)
    assert reasons(answer) == [(0, "schema"), (2, "not_acknowledged")]
    assert int(answer.headers["retry-after"]) >= 1


def test_too_much_waiting_is_503_at_once(site: Site) -> None:
    """Nothing was taken."""
    site.log.busy = True
    answer = site.post([event(), 5])

    assert (answer.status_code, answer.json()["accepted"]) == (503, 0)
    assert reasons(answer) == [(0, "not_acknowledged"), (1, "schema")]


def test_the_senders_clock_is_corrected(site: Site) -> None:
    """By how far it was off when the batch was sent; a time that is not said is now."""
    site.post({"sent_at": at(3600), "events": [event(at=at(3590)), event()]})

    assert [value["at"] for value in site.log.values()] == [at(-10), at(0)]


@pytest.mark.parametrize("delays_ms", [(40, 900), (900, 40), (0, 9_000), (9_000, 0)])
@pytest.mark.parametrize("ahead_s", [0, 20, -20, 58, 60.2, -60, 3600, 3630, -89.9, -3630, 1e6])
def test_the_networks_delay_leaves_events_in_order(site: Site, ahead_s: float, delays_ms: tuple[int, int]) -> None:
    """An event that looked older than the one before would ask for no slate."""
    cookie = site.cookies.write("w-somebody")
    for number, delay_ms in enumerate(delays_ms):
        said = at(10 * number + ahead_s - delay_ms / 1000)
        site.post({"sent_at": said, "events": [event(at=said, event_id=f"e{number}")]}, cookie=cookie)
        site.now_ms += 10_000
    first, second = (value["at"] for value in site.log.values())
    assert first < second
    assert abs(epoch_ms(datetime.fromisoformat(first)) - NOW_MS) < 100_000


def test_a_browser_sends_so_much_and_no_more(tmp_path: Path) -> None:
    """With a cookie it is counted by that, whatever its address; refused, it is told when to come back."""
    site = Site(tmp_path, gateway_rate=0.5, gateway_origins="https://other.example")
    mine, hers = site.cookies.write("w-1"), site.cookies.write("w-2")
    other = PAGE | {"origin": "https://other.example"}

    assert site.post([event()] * 5, cookie=mine).status_code == 202
    refused = site.post([event()], other, cookie=mine)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.headers["access-control-allow-origin"] == "https://other.example"
    assert refused.headers["access-control-expose-headers"] == "Retry-After"
    assert site.post([event()], cookie=hers).status_code == 202
    assert site.post({"timings": []}, cookie=mine).status_code == 429
    assert len(site.log.records) == 6
    assert site.by_server([event(**SERVERS)] * 50).status_code == 202


def test_cookies_are_not_given_away_without_bound(tmp_path: Path) -> None:
    """Who has none is their address, and an address takes only so many browsers with it."""
    site = Site(tmp_path, gateway_rate=0.5)
    answers = [site.post([event()]) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert "set-cookie" not in answers[5].headers
    many = [site.post([event()] * 5, cookie=site.cookies.write(f"w-{number}")).status_code for number in range(10)]
    assert many == [202] * 9 + [429]


def test_the_document_shows_what_may_be_sent_and_answered(site: Site) -> None:
    """Schemas and examples, though the route reads its requests itself."""
    document = asyncio.run(asked(site.app, "GET", "/openapi.json")).json()
    shown = document["paths"]["/v1/events"]["post"]

    body = shown["requestBody"]["content"]["application/json"]
    assert [one["type"] for one in body["schema"]["anyOf"]] == ["object", "object", "array"]
    assert body["schema"]["anyOf"][1]["required"] == ["event_id", "name"]
    assert {"202", "400", "401", "403", "408", "413", "415", "422", "429", "503"} == {*shown["responses"]}
    assert "Receipt" in shown["responses"]["503"]["content"]["application/json"]["schema"]["$ref"]
    examples = {name: one["value"] for name, one in body["examples"].items()}
    assert site.post(examples["envelope"]).json()["rejected"] == []
    assert [site.by_server(examples[name]).json()["rejected"] for name in ("event", "list")] == [[], []]

"""A gateway process, and people who are not who they say they are, or want to be somebody else."""

import base64
import json
import zlib
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import quote

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from streams.brokers import Broker
from streams.gateway.visitor_cookie import NAME, SALT, VisitorCookies
from streams.web.keys import line_of, new_key
from tests.gateways import SECRET, Shop, cookie
from tests.raw_http import Answer, ask, request, say

OTHER = "https://other.example"
SCRIPT = "</script><script>alert(1)</script>\r\nid: 9\n\ndata: x"
SENDS = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
OPERATOR = new_key()


@pytest.fixture(scope="module")
def shop(embedded_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give an installation with two visitors, whose slates are told apart by their one product."""
    folder = tmp_path_factory.mktemp("attacked")
    shop = Shop(embedded_broker, folder)
    with (folder / "keys").open("a") as keys:
        keys.write(line_of("ann", "operate", OPERATOR) + "\n")
    shop.sell("mine", "hers")
    shop.sell("odd", brand=SCRIPT, url="javascript:alert(1)")
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def port(shop: Shop) -> int:
    """Give the port of a gateway that serves under two names, pages of its own and of one other origin."""
    _, port = shop.start(
        AISLE_GATEWAY_HOSTS="127.0.0.1,shop.example", AISLE_GATEWAY_ORIGINS=OTHER, AISLE_GATEWAY_SECURE_COOKIE="0",
        AISLE_CONSOLE_URL="https://ops.example:8081",
    )  # fmt: skip
    shop.decide("me", ["mine"])
    shop.decide("her", ["hers"])
    shop.installation.wait(lambda: b"hers" in shelf(port, cookie("her")).body, 20)
    return port


def shelf(port: int, headers: dict[str, str] | None = None, query: str = "placement=home") -> Answer:
    """Ask for a shelf."""
    return ask(port, "GET", f"/v1/recommendations?{query}", headers)


def signed(value: object, *, secret: str = SECRET, salt: str = SALT, digest: object = sha256) -> str:
    """Sign a cookie in one's own way."""
    made = URLSafeSerializer(secret, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": digest})
    text = made.dumps(value)
    return text.decode() if isinstance(text, bytes) else text


def sha1() -> object:
    """Give the digest that the library takes where none is chosen."""
    from hashlib import sha1 as weaker

    return weaker


HERS = VisitorCookies([SECRET]).write("her")
BOMB = "." + base64.urlsafe_b64encode(zlib.compress(b'"' + b"a" * 10_000_000 + b'"')).decode().rstrip("=")


@pytest.mark.parametrize(
    "value",
    [
        "her", '"her"', HERS[:-1], HERS[:-1] + ("A" if HERS[-1] != "A" else "B"), HERS + "A", HERS + "." + HERS,
        HERS.partition(".")[0], HERS.partition(".")[0] + ".", "." + HERS, HERS.replace(".", ":"), HERS * 100,
        signed("her", secret="not the secret of this gateway, at all"), signed("her", salt="aisle.console"),
        signed("her", salt="itsdangerous"), signed("her", digest=sha1()), signed(["her"]), signed({"her": 1}),
        signed(None), signed(7), URLSafeTimedSerializer(SECRET, salt=SALT).dumps("her"), BOMB[:8000],
        BOMB[:8000] + "." + HERS.rpartition(".")[2], "\xff\xfe", "%s%n", "..", ".", "=",
    ],
)  # fmt: skip
def test_a_cookie_that_was_not_made_here_is_none(port: int, value: str) -> None:
    """Forged, cut, signed for another purpose or by another way: the answer is the one that anybody gets."""
    headers = {"Cookie": f"{NAME}={value}"}
    answer = shelf(port, headers)
    assert (answer.status, answer.json()["contextual"], answer.json()["items"]) == (200, True, [])
    assert ask(port, "GET", "/v1/stream", headers).status == 204
    assert "set-cookie" not in answer.headers


def test_nobody_writes_for_another(shop: Shop, port: int) -> None:
    """Wherever another's id is put, the event is the cookie's: of who was made for it, or of who sends."""
    names = []
    for number, extra in enumerate(({}, cookie("me"))):
        sent = {"event_id": f"theft-{number}", "name": "view_item", "visitor_id": "her", "user_id": "her"}
        body = json.dumps(sent | {"consent": "personalisation", "context": {"visitor_id": "her"}}).encode()
        headers = SENDS | extra | {"X-Visitor-Id": "her", "X-User-Id": "her"}
        assert ask(port, "POST", "/v1/events?visitor_id=her&user_id=her", headers, body).status == 202
        names.append(sent["event_id"])
    found = [json.loads(record.value()) for record in shop.installation.read("clickstream.events")]
    written = {one["event_id"]: one for one in found if one["event_id"] in names}
    assert [written[name]["visitor_id"] == "her" or "user_id" in written[name] for name in names] == [False, False]
    assert written["theft-1"]["visitor_id"] == "me"


def test_a_key_repeated_in_json_says_what_the_last_one_says(port: int) -> None:
    """A filter before the gateway that reads the first is not told another story: ids from pages never count."""
    body = b'{"event_id":"d","name":"view_item","name":"identify","user_id":"u","consent":"personalisation"}'
    answer = ask(port, "POST", "/v1/events", SENDS, body)
    assert (answer.status, answer.json()["rejected"][0]["reason"]) == (422, "not_allowed")


def test_no_query_or_header_leads_to_anothers_shelf(port: int) -> None:
    """Nor does a second cookie of the name: one of them is read, and never mixed."""
    mine = cookie("me")
    assert b"hers" not in shelf(port, mine, "placement=home&visitor_id=her&id=her").body
    assert b"hers" not in shelf(port, mine | {"X-Visitor-Id": "her", "X-Original-Url": "/v1/visitors/her"}).body
    assert b"hers" not in shelf(port, {"Cookie": f"{NAME}=her; {mine['Cookie']}; $Path=/"}).body
    both = shelf(port, {"Cookie": f"{NAME}=forged.x; {mine['Cookie']}"})
    assert b"hers" not in both.body


@pytest.mark.parametrize("path", ["her/recommendations?placement=home", "her/stream"])
def test_another_visitor_is_for_servers_alone(port: int, shop: Shop, path: str) -> None:
    """No key, a made-up one, an operator's, one in a query or a cookie: none opens it, and nothing is told."""
    tries = (
        ({}, 401), (cookie("her"), 401), ({"Authorization": "Bearer aisle_x"}, 401),
        ({"Authorization": f"Basic {shop.key}"}, 401), ({"Authorization": shop.key}, 401),
        ({"Authorization": f"Bearer {OPERATOR}"}, 403), ({"Cookie": f"key={shop.key}"}, 401),
        ({"Authorization": f"Bearer {shop.key[:-1]}"}, 401), ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer \xff\xfe"}, 401),
    )  # fmt: skip
    for headers, status in tries:
        answer = ask(port, "GET", f"/v1/visitors/{path}", headers)
        assert (answer.status, b"hers" in answer.body) == (status, False), headers
    assert ask(port, "GET", f"/v1/visitors/{path}&access_token={shop.key}").status in {401, 404}


def test_who_has_no_key_learns_nothing_of_what_is_wrong(port: int) -> None:
    """The key comes first: no placement, no body and no id is judged before it."""
    assert ask(port, "GET", "/v1/visitors/her/recommendations?placement=nowhere").status == 401
    assert ask(port, "GET", "/v1/visitors/her/recommendations").status == 401
    assert ask(port, "GET", "/v1/visitors/her/stream?shelf=nowhere").status == 401
    assert ask(port, "DELETE", "/v1/visitors/her").status == 401
    for body in (b"{", b"[" * 5000, b'{"cookie": NaN}', b'{"cookie": "\\ud800"}', b"{}", b'{"cookie": 5}'):
        assert ask(port, "POST", "/v1/visitors/resolve", {"Content-Type": "application/json"}, body).status == 401


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 5000, b'{"cookie": NaN}', b'{"cookie": "\\ud800"}', b"{}", b"5", b"\xff"]
)
def test_a_server_that_sends_nonsense_is_told_so(port: int, shop: Shop, body: bytes) -> None:
    """Nothing of it comes back, and nothing breaks."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {shop.key}"}
    assert ask(port, "POST", "/v1/visitors/resolve", headers, body).status in {400, 413, 422}


@pytest.mark.parametrize(
    "path",
    [
        "/v1//events", "/v1/events/", "//v1/events", "/v1/%2e%2e/events", "/v1/../v1/events", "/V1/events",
        "/v1/events%00", "/v1/events;x=1", "/v1/visitors/..%2f..%2fmetrics", "/v1/visitors/%2e%2e/stream",
        "/console/../metrics", "/console//evil.example", "/console?next=//evil.example", "/%2f%2fevil.example/console",
        "//evil.example/console", "/console\\@evil.example", "/aisle.js/../../etc/passwd", "/static/..%2f..%2fkeys",
        "/..%2f..%2fetc%2fpasswd", "/v1/recommendations/..;/visitors/her", "/" + "a" * 8000, "/%", "/%zz", "/%c0%ae",
        "/docs", "/redoc",
    ],
)  # fmt: skip
def test_no_path_leads_where_it_should_not(port: int, path: str) -> None:
    """Each is taken as it stands: known or not, and nothing redirects to a place that a request names."""
    for method in ("GET", "POST"):
        answer = ask(port, method, path, SENDS | cookie("me"))
        assert answer.status in {307, 400, 401, 404, 405, 422}
        assert answer.headers.get("location", "https://ops.example:8081/console") == "https://ops.example:8081/console"
        assert b"hers" not in answer.body
        assert b"root:" not in answer.body


@pytest.mark.parametrize("name", ["a\u00a0b", "\U0001f469\u200d\U0001f373", "w'\"<x>", "..", "%"])
def test_whoever_can_be_written_can_be_forgotten(port: int, shop: Shop, name: str) -> None:
    """The same ids are taken in a path as in an event."""
    key = {"Authorization": f"Bearer {shop.key}"}
    body = json.dumps({"event_id": "e", "name": "search", "visitor_id": name}).encode()
    assert ask(port, "POST", "/v1/events", key | {"Content-Type": "application/json"}, body).status == 202
    assert ask(port, "DELETE", f"/v1/visitors/{quote(name, safe='')}", key).status == 202


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "GET", "DELETE"])
def test_other_methods_do_nothing(port: int, method: str) -> None:
    """They are refused, and TRACE repeats no cookie."""
    answer = ask(port, method, "/v1/events", SENDS | cookie("me"))
    assert answer.status in {400, 405}
    assert cookie("me")["Cookie"].encode() not in answer.body


@pytest.mark.parametrize(
    "host",
    ["evil.example", "shop.example@evil.example", "evil.example@shop.example", "shop.example.evil.example",
     "evil.example/shop.example", "shop.example:80:80", "shop.example:x", "shop.example ", "[::1]", ""],
)  # fmt: skip
def test_only_its_own_names_lead_here(port: int, host: str) -> None:
    """So no name that somebody else points here, and none that only looks like one of its own."""
    status = ask(port, "GET", "/v1/recommendations?placement=home", host=host).status
    assert status == 421


def test_two_names_at_once_are_none(port: int) -> None:
    """What stands before the gateway may go by the one, and the gateway by the other."""
    for hosts in (("evil.example", "shop.example"), ("shop.example", "evil.example")):
        head = "".join(f"Host: {host}\r\n" for host in hosts)
        said = say(port, f"GET /v1/recommendations?placement=home HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        assert [one.status for one in said] == [421]


def test_forwarded_headers_of_nobody_in_particular_count_for_nothing(port: int) -> None:
    """Neither as the own origin, nor in what is answered and may be kept by a cache."""
    lies = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9",
            "Forwarded": "host=evil.example", "X-Host": "evil.example"}  # fmt: skip
    answer = shelf(port, lies)
    assert b"evil" not in answer.body + repr(answer.headers).encode()
    assert "strict-transport-security" not in answer.headers
    for origin in ("https://evil.example", "http://evil.example", "https://127.0.0.1"):
        sent = {"Content-Type": "text/plain", "Origin": origin}
        assert ask(port, "POST", "/v1/events", lies | sent, b"[]").status == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "https://other.example.evil.com", "https://evilother.example", "http://other.example", OTHER + ":444",
     "https://sub.other.example", OTHER + ".", OTHER + "/", "https://other.example@evil.com", "file://", "",
     "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "*", OTHER + ", https://evil.example"],
)  # fmt: skip
def test_no_look_alike_origin_may_read_or_send(port: int, origin: str) -> None:
    """Not with a simple request, as a form can make one, and not after asking."""
    sent = {"Origin": origin, "Content-Type": "text/plain", "Sec-Fetch-Site": "same-site"} | cookie("me")
    for answer in (
        ask(port, "POST", "/v1/events", sent, b"[]"),
        ask(port, "OPTIONS", "/v1/events", {"Origin": origin, "Access-Control-Request-Method": "POST"}),
    ):
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (403, False)
    assert "access-control-allow-origin" not in shelf(port, sent).headers


def test_a_named_origin_can_read_refusals_and_when_to_come_back(port: int) -> None:
    """Whichever part of the gateway refuses: a tracker that cannot read `Retry-After` would guess."""
    named = {"Origin": OTHER}
    for path in ("/v1/recommendations?placement=nowhere", "/v1/stream?shelf=nowhere", "/v1/nothing"):
        answer = ask(port, "GET", path, named | cookie("me"))
        assert answer.status == 404
        assert answer.headers["access-control-allow-origin"] == OTHER
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
        assert "origin" in answer.headers["vary"].lower()


def test_no_cache_keeps_a_visitors_shelf(port: int) -> None:
    """What may be kept has nothing of a visitor in it, and says that a cookie would change it."""
    for headers in (cookie("me"), cookie("me") | {"Cache-Control": "max-age=99999"}):
        assert shelf(port, headers).headers["cache-control"] == "private, no-store"
    for headers in ({}, {"Cookie": f"{NAME}=forged"}):
        answer = shelf(port, headers)
        assert answer.json()["contextual"]
        assert "cookie" in answer.headers["vary"].lower()
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"  # nothing is known yet
    mine = shelf(port, cookie("me"))
    for stranger in ({}, cookie("her")):
        assert shelf(port, stranger | {"If-None-Match": mine.headers["etag"]}).status == 200


def test_what_goes_into_headers_and_events_cannot_break_out_of_them(shop: Shop, port: int) -> None:
    """Titles, anchors and ids with line ends and scripts stay one line of JSON, of a type that nobody guesses."""
    page = shop.open(port, "eve", **{"Last-Event-ID": "1-1 event: slate"})
    slate = shop.decide("eve", ["odd"], placement="search", anchor=SCRIPT)
    told = page.next()
    assert told is not None
    assert (told.kind, told.data["anchor"], told.data["items"][0]["brand"]) == ("slate", SCRIPT, SCRIPT)
    assert told.data["slate_id"] == slate.slate_id
    answer = shelf(port, cookie("eve"), "placement=search&query=" + quote(SCRIPT))
    assert answer.json()["items"][0]["brand"] == SCRIPT
    assert b"\n" not in answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "words", ["%00", "%0d%0aSet-Cookie:x=y", "%ed%a0%80", "%f0%9f%91%bb" * 300, "'\"><svg/onload=x>"]
)
def test_what_a_context_is_made_of_may_be_anything(port: int, words: str) -> None:
    """The answer is a shelf or a refusal: nothing breaks, no header is added, and no callback is called."""
    for name in ("campaign", "country", "device", "anchor", "query", "product_id"):
        for placement in ("home", "search", "product", "category"):
            answer = shelf(port, {}, f"placement={placement}&{name}={words}&callback=evil&jsonp=evil")
            assert answer.status in {200, 422}
            assert "set-cookie" not in answer.headers
            assert not answer.body.startswith(b"evil")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 262_144, b"[" * 1000 + b"]" * 1000, b'{"events":' * 2000, b'{"a":{"a":' * 1000, b"[1e99999]", b"[NaN]",
        b"[" + b"9" * 200_000 + b"]", b'["\\ud800"]', b"\xff" * 1000, b'{"events":[],"timings":' + b"[" * 1000, b"",
        b'[{"event_id":"a","name":"view_item","consent":"personalisation","items":[{"product_id":"p","quantity":1e400}]}]',
        b'[{"event_id":"a\\u0000","name":"view_item","consent":"personalisation"}]',
        b'[{"event_id":"a","name":"__proto__","consent":"personalisation"}]',
        b'{"sent_at":"0001-01-01T00:00:00+23:59","events":[]}',
        b'{"sent_at":"9999-12-31T23:59:59-23:59","events":[{"event_id":"a","name":"search","at":"0001-01-01T00:00:00Z"}]}',
    ],
)  # fmt: skip
def test_no_body_breaks_the_collector(port: int, body: bytes) -> None:
    """It says what is wrong with it, in the time of any request."""
    assert ask(port, "POST", "/v1/events", SENDS, body).status in {400, 413, 422}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "identity, gzip", "x-gzip"])
def test_what_could_unfold_is_not_taken(port: int, encoding: str) -> None:
    """A kilobyte may be a gigabyte."""
    bomb = zlib.compress(b"[" * 10_000_000, 9)
    assert ask(port, "POST", "/v1/events", SENDS | {"Content-Encoding": encoding}, bomb).status == 415


def test_who_waits_to_be_asked_for_a_body_is(port: int) -> None:
    """`Expect: 100-continue` is answered before the body; one that will not be read is refused without it."""
    waits = [*SENDS.items(), ("Expect", "100-continue"), ("Connection", "close")]
    assert [one.status for one in say(port, request("POST", "/v1/events", waits, b"[]"))] == [100, 202]
    foreign = [("Content-Type", "text/plain"), ("Origin", "https://evil.example"), *waits[-2:]]
    assert [one.status for one in say(port, request("POST", "/v1/events", foreign, b"[]"))] == [403]


def test_requests_one_behind_the_other_keep_to_themselves(port: int) -> None:
    """Each has its own cookie and its own answer, in order."""
    mine, hers, nobody = (request("GET", "/v1/recommendations?placement=home", who.items()) for who in
                          (cookie("me"), cookie("her"), {}))  # fmt: skip
    last = request("GET", "/v1/recommendations?placement=home", [*cookie("me").items(), ("Connection", "close")])
    found = say(port, mine + hers + nobody + last)
    assert [("mine" in str(one.body), "hers" in str(one.body)) for one in found] == [
        (True, False), (False, True), (False, False), (True, False),
    ]  # fmt: skip
    smuggled = request("POST", "/v1/events", [*SENDS.items(), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n" + hers)
    assert all(b"hers" not in one.body for one in say(port, smuggled))


@pytest.mark.parametrize(
    "coding",
    ["Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding : chunked",
     "Content-Length: +2", "Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2, 2", "Content-Length: 0x2",
     "Content-Length: -1", "Content-Length: 99999999999999999999999", " Content-Length: 2"],
)  # fmt: skip
def test_lengths_that_can_be_read_in_two_ways_are_not_read(port: int, coding: str) -> None:
    """One connection carries many people's requests behind a proxy: where one ends is not to be argued about."""
    head = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Type: text/plain\r\n"
    found = say(port, f"{head}{coding}\r\n\r\n[]".encode() + request("GET", "/healthz"))
    assert [one.status for one in found] == [400]

"""A gateway process on a broker: a slate that is written is served, and pushed to open pages."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateways import Shop, cookie

BROKERS = [
    pytest.param("embedded_broker", id="embedded"),
    pytest.param("kafka_broker", id="kafka", marks=pytest.mark.kafka),
]


@pytest.fixture(scope="module", params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give an installation with products, on each broker."""
    shop = Shop(request.getfixturevalue(request.param), tmp_path_factory.mktemp("shop"))
    shop.sell("p1", "p2", "p3", "p4")
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def port(shop: Shop) -> int:
    """Give the port of a gateway that serves."""
    return shop.start()[1]


def names(shelf: dict[str, Any]) -> list[str]:
    """Name the products on a shelf."""
    return [item["product_id"] for item in shelf["items"]]


def test_a_slate_is_served_and_pushed(shop: Shop, port: int) -> None:
    """What is written after a page opened comes by its stream, and is what GET gives from then on."""
    page = shop.open(port, "ann")
    slate = shop.decide("ann", ["p2", "p1", "gone"])
    told = page.next()
    assert told is not None
    assert (told.kind, told.data["slate_id"], names(told.data)) == ("slate", slate.slate_id, ["p2", "p1"])
    status, shelf, headers = shop.get(port, "placement=home", "ann")
    assert (status, shelf) == (200, told.data)
    assert headers["Cache-Control"] == "private, no-store"
    assert shop.get(port, "placement=home", "ann", **{"If-None-Match": headers["ETag"]})[0] == 304


def test_what_a_page_asks_for(shop: Shop, port: int) -> None:
    """An anchor chooses its shelf, none the newest; unknown placements are named; nothing known is an empty shelf."""
    shop.decide("bob", ["p2"], placement="product", anchor="p1")
    page = shop.open(port, "bob")
    assert page.next() is not None
    newer = shop.decide("bob", ["p1"], placement="product", anchor="p2")
    told = page.next()
    assert told is not None
    assert told.data["anchor"] == "p2"
    assert shop.get(port, "placement=product&product_id=p1", "bob")[1]["anchor"] == "p1"
    assert shop.get(port, "placement=product", "bob")[1]["slate_id"] == newer.slate_id
    status, refusal, _ = shop.get(port, "placement=hom")
    assert (status, "home, product" in refusal["detail"]) == (404, True)
    status, shelf, headers = shop.get(port, "placement=cart")
    assert (status, shelf["items"], headers["Cache-Control"]) == (200, [], "no-store")


def test_streams_are_of_somebody(shop: Shop, port: int) -> None:
    """Nobody known gets 204, a foreign cookie too; shelves that cannot be are refused in a sentence."""
    assert shop.open(port, None).status == 204
    assert shop.open(port, None, Cookie="aisle_visitor=made.up").status == 204
    assert shop.open(port, "cat", "?shelf=nowhere").status == 404
    assert shop.open(port, "cat", "?shelf=product:").status == 422


def test_a_page_that_comes_back_is_told_what_is_newer(shop: Shop, port: int) -> None:
    """With the id of the last event only newer slates come; nonsense there is ignored."""
    page = shop.open(port, "dan")
    shop.decide("dan", ["p1"])
    first = page.next()
    assert first is not None
    page.close()
    shop.decide("dan", ["p2"], placement="product", anchor="p1")
    again = shop.open(port, "dan", **{"Last-Event-ID": first.tag}).next()
    assert again is not None
    assert again.data["placement"] == "product"
    lost = shop.open(port, "dan", **{"Last-Event-ID": "9-9-9"}).next()
    assert lost is not None
    assert lost.data["placement"] == "home"


def test_what_sells_out_is_withdrawn(shop: Shop, port: int) -> None:
    """Pages that show a product learn that it is gone, and get their shelf again when it is back."""
    page = shop.open(port, "eve")
    shop.decide("eve", ["p4", "p1"])
    assert page.next() is not None
    shop.sell("p4", stock=0)
    told = page.next()
    assert told is not None
    assert (told.kind, told.data) == ("withdraw", {"product_ids": ["p4"]})
    assert names(shop.get(port, "placement=home", "eve")[1]) == ["p1"]
    shop.sell("p4", stock=3)
    back = page.next()
    assert back is not None
    assert (back.kind, names(back.data), back.tag) == ("slate", ["p4", "p1"], "")


def test_who_is_forgotten_is_shown_nothing(shop: Shop, port: int) -> None:
    """An erasure that any worker wrote ends the visitor's streams and empties their shelves."""
    page = shop.open(port, "fay")
    shop.decide("fay", ["p1"])
    assert page.next() is not None
    shop.erase("fay")
    assert page.next() is None
    assert shop.get(port, "placement=home", "fay")[1]["items"] == []


def test_servers_ask_for_anybody(shop: Shop, port: int) -> None:
    """A key opens any visitor's shelf and stream; without one there is none."""
    slate = shop.decide("gus", ["p1"])
    page = shop.open(port, "gus")
    assert page.next() is not None
    path = "/v1/visitors/gus/recommendations?placement=home"
    assert shop.get(port, path)[0] == 401
    assert shop.get(port, path, Authorization=f"Bearer {shop.key}")[1]["slate_id"] == slate.slate_id


def test_gateways_serve_everybody_also_after_a_restart(shop: Shop, port: int) -> None:
    """A second gateway has the slates of before its start; one that stops ends its streams at once."""
    slate = shop.decide("hal", ["p1"])
    process, second = shop.start()
    assert shop.get(second, "placement=home", "hal")[1]["slate_id"] == slate.slate_id
    pages = [shop.open(one, "hal") for one in (port, second)]
    assert [told and told.data["slate_id"] for told in (page.next() for page in pages)] == [slate.slate_id] * 2
    process.send_signal(signal.SIGTERM)
    assert pages[1].next() is None
    process.wait(4)  # uvicorn would wait longer for streams that go on


def test_nobody_in_particular_is_asked_for_over_kafka(shop: Shop, port: int) -> None:
    """The event carries no consent and says that the gateway sent it; what answers it is everybody's."""
    assert shop.get(port, "placement=home&country=NL")[1]["items"] == []
    events = [record for record in shop.installation.read("clickstream.events") if b'"NL"' in record.value()]
    assert {tuple(record.headers()) for record in events} == {(("sender", b"gateway"),)}
    assert b'"consent":"none"' in events[0].value()
    page = shop.open(port, "ivy")
    slate = shop.decide(events[0].key().decode(), ["p3"])
    shop.decide("ivy", ["p1"])
    shop.installation.wait(lambda: shop.get(port, "placement=home&country=NL")[1]["items"] != [], 20)
    status, shelf, headers = shop.get(port, "placement=home&country=NL")
    assert (status, shelf["slate_id"], shelf["contextual"]) == (200, slate.slate_id, True)
    assert headers["Cache-Control"] == "public, max-age=30"
    told = page.next()
    assert told is not None
    assert names(told.data) == ["p1"]


def test_a_browser_that_asks_to_be_forgotten_is_at_once(shop: Shop, port: int) -> None:
    """By the gateway that took its `forget`, though no worker has answered; a server may do so, too."""
    pages = {name: shop.open(port, name) for name in ("jan", "kim")}
    for name, page in pages.items():
        shop.decide(name, ["p1"])
        assert page.next() is not None
    body = b'{"event_id": "bye", "name": "forget"}'
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    assert shop.send(port, "POST", "/v1/events", body, cookie("jan") | headers) == 202
    key = {"Authorization": f"Bearer {shop.key}"}
    assert shop.send(port, "DELETE", "/v1/visitors/kim", b"", {}) == 401
    assert shop.send(port, "DELETE", "/v1/visitors/kim", b"", key) == 202
    for name, page in pages.items():
        assert page.next() is None
        assert shop.get(port, "placement=home", name)[1]["items"] == []

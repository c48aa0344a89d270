"""What is kept of an event, and what is not taken."""

from typing import Any

import pytest

from schemas.record import MAX_RECORD_BYTES
from streams.gateway.cleaning import Refusal, Sent, Taken, clean
from streams.gateway.page_address import kept_address
from tests.collecting import NOW_MS, at, event

PAGE = Sent("browser", NOW_MS, visitor_id="w-1", consent="personalisation")
SERVER = Sent("server", NOW_MS)
DAY_S = 86_400


def taken(raw: object, sent: Sent = PAGE) -> Taken:
    """Clean what is to be taken."""
    found = clean(raw, sent, known=True)
    assert isinstance(found, Taken), found
    return found


def refused(raw: object, sent: Sent = PAGE) -> str:
    """Clean what is not; gives the reason."""
    found = clean(raw, sent, known=True)
    assert isinstance(found, Refusal), found
    return found.reason


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://shop.example/p1", "https://shop.example/p1"),
        ("https://shop.example/s?q=a+b&sid=1&utm_source=x&UTM_Medium=y", "https://shop.example/s?q=a+b&utm_source=x&UTM_Medium=y"),
        ("https://u:p@shop.example:8443/#token=1", "https://shop.example:8443/"),
        ("/p1?email=a@b.c#x", "/p1"),
        ("//u@shop.example/@me", "//shop.example/@me"),
        ("https://shop.example/?utm_source", "https://shop.example/"),
        ("https://shop.example/?%75tm_id=1&%71=2&x%3Dq=3", "https://shop.example/?%75tm_id=1&%71=2"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm/"),
        ("mailto:a@b.c", None),
        ("data:text/plain,secret", None),
        ("http://[::1", None),
        ("x" * 20_000, None),
        ("", ""),
    ],
)  # fmt: skip
def test_of_an_address_only_the_search_and_the_campaign_stay(address: str, kept: str | None) -> None:
    """No fragment, no user, nothing else of the query; what is no address is left out."""
    assert kept_address(address, search_param="q") == kept


def test_addresses_are_cut_wherever_they_come_from() -> None:
    """A server passes on what a browser told it; the page's other fields stay."""
    page = {"view_id": "v", "url": "https://s.example/?sid=1", "referrer": "https://a:b@x.example/?k=1#f"}

    for sent in (PAGE, SERVER):
        found = taken(event(visitor_id="v1", page=page), sent).event.page
        assert found is not None
        assert (found.url, found.referrer, found.view_id) == ("https://s.example/", "https://x.example/", "v")


def test_an_address_that_is_longer_than_a_record_takes_is_cut_before_it_is_judged() -> None:
    """What is left of it is short."""
    url = "https://shop.example/p1?click=" + "x" * 5000

    assert taken(event(page={"url": url})).event.page.url == "https://shop.example/p1"  # type: ignore[union-attr]


@pytest.mark.parametrize("page", [5, "x", [], {"url": 5}, {"url": {}}])
def test_a_page_that_is_none_is_rejected(page: object) -> None:
    """And nothing breaks on the way."""
    assert refused(event(page=page)) == "schema"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (5, "schema"),
        ([], "schema"),
        ({}, "schema"),
        (event(items=[{"product_id": "p", "price": 1e300}]), "schema"),
        (event(items=[{"product_id": "p\x00"}]), "schema"),
        (event(items=[0] * 201), "schema"),
        (event(event_id="e" * 129), "schema"),
        (event(at=5), "schema"),
        (event(schema_version="2.0", items=5), "unknown_version"),
        (event(schema_version="2.0"), "unknown_version"),
        (
            event(items=[{"product_id": "€" * 120, "price": 1.25, "currency": "EUR"}] * 200, query="x" * 512),
            "too_large",
        ),
        (event("identify", user_id="u"), "not_allowed"),
        (event(consent="none"), "no_consent"),
    ],
)
def test_what_is_not_taken_says_why(raw: object, reason: str) -> None:
    """By the closed list."""
    assert refused(raw) == reason


@pytest.mark.parametrize(
    ("seconds", "becomes"),
    [
        (-10, -10),
        (0, 0),
        (599, 0),
        (700, None),
        (-6 * DAY_S, -6 * DAY_S),
        (-7 * DAY_S, None),
        (-40 * 365 * DAY_S, None),
    ],
)
def test_times_that_no_worker_would_take_are_refused(seconds: int, becomes: int | None) -> None:
    """A little ahead is now; just inside seven days is refused too, since the broker may get it only later."""
    raw = event(at=at(seconds))

    if becomes is None:
        assert refused(raw) == "clock_skew"
    else:
        assert taken(raw).value.count(f'"at":"{at(becomes)}"'.encode()) == 1


def test_a_clock_that_is_years_off_is_corrected() -> None:
    """The event happened ten seconds before the batch was sent, whatever the clock says."""
    ahead_ms = 9 * 365 * DAY_S * 1000

    found = taken(event(at=at(ahead_ms / 1000 - 10)), PAGE._replace(ahead_ms=ahead_ms))
    assert found.value.count(f'"at":"{at(-10)}"'.encode()) == 1


def test_fields_nobody_knows_are_not_passed_on() -> None:
    """A page's own inventions do not end in a log."""
    assert b"secret" not in taken(event(email="secret", items=[{"product_id": "p", "note": "secret"}])).value


@pytest.mark.parametrize("consent", [None, "none", "personalisation"])
def test_the_batchs_consent_counts_where_an_event_says_none(consent: Any) -> None:
    """And never more than the event's own."""
    silent = {"event_id": "e", "name": "search", "visitor_id": "v"}

    assert taken(silent, SERVER._replace(consent=consent)).event.consent == (consent or "none")
    assert taken(silent | {"consent": "none"}, SERVER._replace(consent=consent)).event.consent == "none"


def test_the_largest_record_is_one_that_workers_read() -> None:
    """Its bytes are counted after cleaning."""
    items = [{"product_id": f"{'p' * 100}{number:03}", "price": 1.0, "currency": "EUR"} for number in range(200)]

    assert len(taken(event(items=items)).value) <= MAX_RECORD_BYTES


def test_nobody_writes_for_a_context() -> None:
    """Ids that begin so are the gateway's own: what came under them would be shown to everybody."""
    assert refused(event(visitor_id="~home"), SERVER) == "not_allowed"

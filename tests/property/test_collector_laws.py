"""Laws of what the gateway takes: whatever pages and servers send."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import Event, decode_event
from schemas.record import MAX_RECORD_BYTES, epoch_ms, from_epoch_ms, rfc3339
from streams.gateway.cleaning import LATER_MS, Refusal, Sent, Taken, clean
from streams.gateway.page_address import kept_address
from tests.collecting import NOW_MS, event

DAY_MS = 86_400_000

words = st.text(max_size=8) | st.sampled_from(
    ["", "\x00", "a", "é" * 40, "x" * 3000, "https://u:p@h/?q=1&z=2#f", "1.0", "2.0"]
)
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
times = st.integers(NOW_MS - 9 * DAY_MS, NOW_MS + DAY_MS).map(lambda ms: rfc3339(from_epoch_ms(ms))) | st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-14:00", "2026-05-01T12:00:00+23:59"]
)
products = st.lists(
    st.fixed_dictionaries(
        {"product_id": words | values}, optional={"quantity": values, "price": values, "currency": words}
    ),
    max_size=4,
)
events = st.builds(
    lambda name, more: event(name) | more,
    st.sampled_from([*Event.model_fields["name"].annotation.__args__, "sing"]),  # type: ignore[union-attr]
    st.fixed_dictionaries(
        {},
        optional={
            "at": times | values, "items": products | values, "query": words, "visitor_id": words, "user_id": words,
            "page": st.dictionaries(st.sampled_from(["url", "referrer", "kind", "view_id"]), values) | values,
            "ping": st.dictionaries(st.sampled_from(["dwell_ms", "scroll"]), values), "consent": values,
            "shown": values, "context": values, "schema_version": words,
        },
    ),
)  # fmt: skip
sendings = st.builds(
    Sent,
    st.sampled_from(["browser", "server"]),
    st.just(NOW_MS),
    visitor_id=st.just("w-1"),
    ahead_ms=st.just(0) | st.integers(-3_000 * DAY_MS, 3_000 * DAY_MS) | st.integers(-(10**15), 10**15),
    consent=st.sampled_from([None, "none", "personalisation"]),
    private=st.booleans(),
)


@given(raw=events | values, sent=sendings, later_ms=st.integers(-600_000, LATER_MS), known=st.booleans())
@example(
    raw=event(visitor_id="v", at=rfc3339(from_epoch_ms(NOW_MS - 7 * DAY_MS + LATER_MS))),
    sent=Sent("server", NOW_MS),
    later_ms=LATER_MS,
    known=True,
)
def test_whatever_is_taken_is_an_event_to_every_worker(raw: Any, sent: Sent, later_ms: int, *, known: bool) -> None:
    """No record becomes a dead letter, though it arrive twenty minutes later, or by a clock ten minutes behind.

    The rest has a reason; nothing is ever raised.
    """
    found = clean(raw, sent, known=known)

    if isinstance(found, Refusal):
        assert found.detail
        return
    decoded = decode_event(found.value, arrival_ms=NOW_MS + later_ms)
    assert decoded.model_copy(update={"at": found.event.at}) == found.event
    assert len(found.value) <= MAX_RECORD_BYTES
    assert found.key == decoded.visitor_id.encode()
    assert epoch_ms(found.event.at) <= NOW_MS


@given(raw=events, sent=sendings.filter(lambda sent: sent.sender == "browser"))
def test_a_page_speaks_for_nobody_else(raw: dict[str, Any], sent: Sent) -> None:
    """The record names the cookie's visitor and no user, and has consent, or is the wish to be forgotten."""
    found = clean(raw, sent, known=True)

    if isinstance(found, Taken):
        assert (found.event.visitor_id, found.event.user_id) == (sent.visitor_id, None)
        assert found.event.name == "forget" or (found.event.consent == "personalisation" and not sent.private)


@given(raw=events, sent=sendings)
def test_what_was_taken_is_taken_again_as_it_is(raw: dict[str, Any], sent: Sent) -> None:
    """Cleaning what is clean changes nothing: a client that sends the same once more writes the same once more."""
    found = clean(raw, sent, known=True)

    if isinstance(found, Taken):
        again = clean(orjson.loads(found.value), sent._replace(ahead_ms=0), known=True)
        assert isinstance(again, Taken)
        assert again.value == found.value


@given(
    address=st.text(max_size=60)
    | st.from_regex(r"https?://[a-z:@]{0,9}/[a-z@]{0,4}\?[a-z_=&;%0-9@#?]{0,30}", fullmatch=True)
)
@example(address="https://a\\@b/?q")
@example(address="https:///?utm_a=1#")
@example(address="////a@b?x=1")
def test_an_address_keeps_nothing_it_should_lose(address: str) -> None:
    """Neither user nor fragment nor other parameters; and cutting again finds nothing more."""
    kept = kept_address(address, search_param="q")

    if kept is not None:
        parts = urlsplit(kept)
        assert not parts.fragment
        assert "@" not in parts.netloc
        assert all(name == "q" or name.lower().startswith("utm_") for name, _ in parse_qsl(parts.query, True))
        assert kept_address(kept, search_param="q") == kept

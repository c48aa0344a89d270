"""From what a page or a server says to a record for `clickstream.events`, or to the reason why not.

Nothing taken here becomes a dead letter later: a worker holds the record against the same rules, with the broker's time
of arrival, which is at most `LATER_MS` after ours.
"""

from typing import Any, NamedTuple

from schemas.errors import DecodeError
from schemas.events import (
    AHEAD_MS,
    BEHIND_MS,
    CONTEXT_VISITOR,
    EARLIEST_MS,
    LATEST_MS,
    MAX_ITEMS,
    Consent,
    Event,
    Sender,
)  # fmt: skip
from schemas.record import MAX_RECORD_BYTES, epoch_ms, from_epoch_ms, of_object
from streams.gateway.page_address import kept_address
from streams.gateway.wire import Rejection

LATER_MS = 20 * 60 * 1000
"""Events wait at most ten minutes for a broker (`AISLE_GATEWAY_BUFFER_S`), and clocks differ by no more than that."""


class Sent(NamedTuple):
    """What is known of a batch besides its events.

    `visitor_id` is who the browser's cookie names, or will name; "" for a server, whose events say it. `ahead_ms` is
    how far the sender's clock is ahead of ours. `private` says that the browser asks not to be followed (GPC).
    """

    sender: Sender
    received_ms: int
    visitor_id: str = ""
    ahead_ms: int = 0
    consent: Consent | None = None
    private: bool = False
    search_param: str = "q"


class Taken(NamedTuple):
    """An event and the record it becomes."""

    event: Event
    value: bytes

    @property
    def key(self) -> bytes:
        """Give the record's key."""
        return self.event.visitor_id.encode()


class Refusal(NamedTuple):
    """Why an event is not taken; names fields, never values."""

    reason: Rejection
    detail: str


def clean(raw: object, sent: Sent, *, known: bool) -> Taken | Refusal:
    """Make a record of one event.

    Args:
        raw: parsed JSON.
        sent: what is known of its batch.
        known: the visitor's id has been given out: there is somebody to forget.
    """
    if not isinstance(raw, dict):
        return Refusal("schema", "Event.record: not an object")
    if isinstance(items := raw.get("items"), list) and len(items) > MAX_ITEMS:  # each would be judged on its own
        return Refusal("schema", "Event.items: too many")
    try:
        event = of_object(Event, _filled(raw, sent))
    except DecodeError as error:
        return Refusal(error.reason, error.detail)  # type: ignore[arg-type]  # of_object gives no "handler"
    if event.visitor_id.startswith(CONTEXT_VISITOR):
        return Refusal("not_allowed", f"Event.visitor_id: {CONTEXT_VISITOR} begins the ids of contexts, which are ours")
    if sent.sender == "browser" and (refusal := _forbidden(event, sent, known=known)):
        return refusal
    at_ms = epoch_ms(event.at) - (sent.ahead_ms if raw.get("at") is not None else 0)
    if refusal := _skewed(at_ms, sent.received_ms):
        return refusal
    event = event.model_copy(update={"at": from_epoch_ms(min(at_ms, sent.received_ms))})
    value = event.encode()
    if len(value) > MAX_RECORD_BYTES:
        return Refusal("too_large", f"Event: {len(value)} bytes, at most {MAX_RECORD_BYTES} are taken")
    return Taken(event, value)


def _filled(raw: dict[str, Any], sent: Sent) -> dict[str, Any]:
    """Put in what is known better, or was left out; take out what nobody needs or a page may not say."""
    given = dict(raw)
    if given.get("at") is None:
        given["at"] = from_epoch_ms(sent.received_ms)
    if given.get("consent") is None:
        given["consent"] = sent.consent or "none"
    if sent.sender == "browser":
        given["visitor_id"] = sent.visitor_id
        given.pop("user_id", None)
    if isinstance(page := given.get("page"), dict):
        given["page"] = page | {name: _kept(page[name], sent) for name in ("url", "referrer") if name in page}
    return given


def _kept(address: object, sent: Sent) -> object:
    return kept_address(address, search_param=sent.search_param) if isinstance(address, str) else address


def _forbidden(event: Event, sent: Sent, *, known: bool) -> Refusal | None:
    """Say what a page may not send."""
    if event.name == "identify":
        return Refusal("not_allowed", "Event.name: only a server may say who a visitor is")
    if event.name == "forget":
        return None if known else Refusal("not_allowed", "Event.name: there is no visitor to forget")
    if sent.private:
        return Refusal("no_consent", "Event.consent: the browser asks not to be followed")
    if event.consent != "personalisation":
        return Refusal("no_consent", "Event.consent: not personalisation")
    return None


def _skewed(at_ms: int, received_ms: int) -> Refusal | None:
    """Say what no worker would take, whenever the record arrives."""
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        return Refusal("clock_skew", "Event.at lies before the year 2000 or after 2099")
    if at_ms > received_ms + AHEAD_MS:
        return Refusal("clock_skew", f"Event.at lies {(at_ms - received_ms) // 1000} s ahead")
    if at_ms < received_ms - BEHIND_MS + LATER_MS:
        return Refusal("clock_skew", f"Event.at lies {(received_ms - at_ms) // 86_400_000} days back")
    return None

"""What the OpenAPI document says of `POST /v1/events`, which reads its requests itself."""

from typing import Any

from schemas.events import Event
from streams.gateway.wire import MAX_BODY, MAX_EVENTS, EventBatch, Receipt

EVENTS_DESCRIPTION = f"""One event, a list of at most {MAX_EVENTS}, or an envelope; {MAX_BODY // 1024} KiB at most. Each
event is judged on its own. The answer comes once Kafka has acknowledged what was accepted.

From a browser the visitor is who the cookie names, made with the first event that carries consent; a page may not say
`visitor_id` or `user_id`, nor `identify`. A server with an API key of the role `server` says both. `at` is corrected by
the sender's clock where the envelope says `sent_at`; an event without `at` happened now."""

_EVENT = {
    "event_id": "7f0c1c52-4d0b-4a57-9f43-0f6a3a1c3b11",
    "name": "view_item",
    "at": "2026-05-01T12:00:00.250Z",
    "items": [{"product_id": "p1", "price": 19.9, "currency": "EUR"}],
    "page": {"view_id": "v1", "url": "https://shop.example/p1", "kind": "product"},
}
_PURCHASE = {
    "event_id": "order-1001",
    "name": "purchase",
    "visitor_id": "wAAAAAAAAAAAAAAAAAAAAAA",
    "user_id": "customer-17",
    "items": [{"product_id": "p1", "quantity": 2, "price": 19.9, "currency": "EUR"}],
    "consent": "personalisation",
}
_EXAMPLES = {
    "envelope": {
        "summary": "What the tracker sends",
        "value": {
            "sent_at": "2026-05-01T12:00:01.000Z",
            "consent": "personalisation",
            "events": [_EVENT],
            "timings": [{"slate_id": "0-17-home", "revision": 0, "ms": 41}],
        },
    },
    "event": {"summary": "One event of a server", "value": _PURCHASE},
    "list": {"summary": "Several", "value": [_PURCHASE, _PURCHASE | {"event_id": "order-1002"}]},
}


def _inlined(schema: Any, defs: dict[str, Any]) -> Any:
    """Put each definition where it is referred to: the schemas of a document have other places for them."""
    if isinstance(schema, list):
        return [_inlined(one, defs) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
    return {name: _inlined(part, defs) for name, part in schema.items() if name != "$defs"}


def _schema(kind: type[Event] | type[EventBatch]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    found: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    return found


def _body() -> dict[str, Any]:
    event = _schema(Event)
    event["required"] = ["event_id", "name"]
    batch = _schema(EventBatch)
    batch["properties"]["events"] |= {"items": event}
    several = {"type": "array", "items": event, "maxItems": MAX_EVENTS}
    return {"schema": {"anyOf": [batch, event, several]}, "examples": _EXAMPLES}


EVENTS_REQUEST: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": _body(), "text/plain": _body()}}
}


def _refused(why: str, example: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    content = {"application/json": {"schema": schema, "example": {"detail": example}}}
    return {"description": why, "content": content}


def _receipt(why: str, *, accepted: int, **rejected: object) -> dict[str, Any]:
    example = {"accepted": accepted, "rejected": [rejected]}
    return {"description": why, "model": Receipt, "content": {"application/json": {"example": example}}}


EVENTS_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: _receipt(
        "Kafka has what was accepted.",
        accepted=2,
        index=1,
        reason="schema",
        detail="Event.name: none of the known values",
    ),
    400: _refused("Not JSON, or no events.", "not JSON: line 1 column 2"),
    401: _refused("Nobody's API key.", "not a key of this gateway"),
    403: _refused("A foreign origin, or a key without the role `server`.", "a foreign origin"),
    408: _refused("The body came too slowly.", "the body did not come within 10 s"),
    413: _refused("Too long, or too many events.", f"at most {MAX_BODY} bytes"),
    415: _refused("Not JSON by its type.", "application/json, or text/plain with JSON in it"),
    422: _receipt(
        "Nothing was accepted.", accepted=0, index=0, reason="no_consent", detail="Event.consent: not personalisation"
    ),
    429: _refused("Too much from one browser; `Retry-After` says when.", "too many events"),
    503: _receipt(
        "Kafka did not acknowledge all: send those again, with their `event_id`, after `Retry-After`.",
        accepted=0,
        index=0,
        reason="not_acknowledged",
        detail="Kafka did not answer in time: send it again with its event_id",
    ),
}

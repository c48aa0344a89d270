"""Which changes of a record break shops, and which do not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import RefusedError
from streams.asyncapi.growth import broken
from streams.asyncapi.records import record_schemas
from streams.cli.schema import export

Change = Callable[[dict[str, Any]], object]


def changed(name: str, change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give a record's schema, and the same after a change."""
    old: Any = record_schemas()[name]
    new = json.loads(json.dumps(old))
    change(new)
    return old, new


def fields(schema: dict[str, Any], part: str | None = None) -> Any:
    """Give the fields of a record or of one of its parts."""
    return (schema["$defs"][part] if part else schema)["properties"]


BREAKS_SENDERS: dict[str, Change] = {
    "Event.query is gone": lambda event: fields(event).pop("query"),
    "Event.items[].price is gone": lambda event: fields(event, "Item").pop("price"),
    "Event.page.url is gone": lambda event: fields(event, "Page").pop("url"),
    "Event.user_id must now be there": lambda event: event["required"].append("user_id"),
    "Event.at was string and is integer": lambda event: fields(event)["at"].update(type="integer"),
    "Event.name may no longer be refund": lambda event: fields(event)["name"]["enum"].remove("refund"),
    "Event.query may no longer be any value": lambda event: fields(event)["query"]["anyOf"][0].update(enum=["tent"]),
    "Event.event_id has a narrower maxLength": lambda event: fields(event)["event_id"].update(maxLength=64),
    "Event.items[].quantity has a narrower minimum": lambda event: fields(event, "Item")["quantity"].update(minimum=1),
    "Event.visitor_id has another pattern": lambda event: fields(event)["visitor_id"].update(pattern="^w"),
}


@pytest.mark.parametrize("sentence", BREAKS_SENDERS)
def test_a_sender_must_be_able_to_say_and_leave_out_what_they_could(sentence: str) -> None:
    """Each change is told, and nothing else is."""
    assert broken(*changed("Event", BREAKS_SENDERS[sentence]), side="sent") == [sentence]


GROWS: dict[str, Change] = {
    "nothing": lambda event: None,
    "a further field": lambda event: fields(event).update(campaign={"type": "string"}),
    "a field that may be left out": lambda event: event["required"].remove("at"),
    "another name": lambda event: fields(event)["name"]["enum"].append("wishlist"),
    "more room": lambda event: fields(event)["event_id"].update(maxLength=256),
    "no limit": lambda event: fields(event, "Item")["quantity"].pop("maximum"),
    "other words": lambda event: event.update(description="What somebody did."),
    "another major version": lambda event: fields(event).update(schema_version={"default": "2.0"}),
}


@pytest.mark.parametrize("change", GROWS)
def test_what_only_grows_breaks_nobody(change: str) -> None:
    """Whoever sent before can send the same."""
    assert broken(*changed("Event", GROWS[change]), side="sent") == []


def test_a_reader_must_find_what_they_found() -> None:
    """A field that is gone, or need not be there any more, however deep; a further one is no harm."""
    old, new = changed("Slate", lambda slate: fields(slate, "SlateItem").pop("rank"))
    assert broken(old, new, side="read") == ["Slate.items[].rank is gone"]
    old, new = changed("Slate", lambda slate: slate["$defs"]["Cause"]["required"].remove("offset"))
    assert broken(old, new, side="read") == ["Slate.cause.offset need no longer be there"]
    old, new = changed("Slate", lambda slate: slate["required"].append("anchor"))
    assert broken(old, new, side="read") == []


def test_an_export_leaves_alone_what_shops_were_built_on(tmp_path: Path) -> None:
    """It says what they would miss, and writes nothing at all."""
    old: Any = record_schemas()["Event"]
    old["properties"]["campaign"] = {"type": "string"}
    file = tmp_path / "Event.schema.json"
    file.write_text(json.dumps(old))
    with pytest.raises(RefusedError, match=r"Event.campaign is gone"):
        export(tmp_path)

    assert list(tmp_path.iterdir()) == [file]
    file.write_text("{")
    with pytest.raises(RefusedError, match="is no JSON schema"):
        export(tmp_path)

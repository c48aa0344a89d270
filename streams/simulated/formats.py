"""What a request may demand of its answer's form: `response_format`, and the rules of strict JSON schemas."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from streams.simulated.reply import ApiError

Mode = Literal["json_schema", "json_object", "text"]
"""The most a server can promise about its answers; each mode can what the later ones can."""

MODES: tuple[Mode, ...] = ("json_schema", "json_object", "text")

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
FORBIDDEN = ("allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else")
"""Keywords that strict schemas must do without."""


def read_format(value: object, mode: Mode) -> tuple[Mode, Mapping[str, Any]]:
    """Read a request's `response_format`.

    Args:
        value: what was sent.
        mode: what the server can.

    Returns:
        Its type, and the schema, empty where there is none.

    Raises:
        ApiError: 400, naming `response_format`.
    """
    if value is None:
        return "text", {}
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in MODES:
        sentence = "Invalid value: supported values are: 'json_object', 'json_schema', and 'text'."
        raise ApiError(400, sentence, param="response_format.type", code="invalid_value")
    if MODES.index(kind) < MODES.index(mode):
        raise _wrong(f"Invalid parameter: 'response_format' of type '{kind}' is not supported with this model.")
    assert isinstance(value, dict)
    return kind, _schema(value.get("json_schema")) if kind == "json_schema" else {}


def _wrong(sentence: str) -> ApiError:
    return ApiError(400, sentence, param="response_format")


def _schema(described: object) -> Mapping[str, Any]:
    if not isinstance(described, dict) or not NAME.fullmatch(str(described.get("name", ""))):
        raise _wrong("Invalid 'response_format.json_schema.name': expected 1 to 64 letters, digits, _ or -.")
    name, schema = described["name"], described.get("schema", {})
    if not isinstance(schema, dict):
        raise _wrong(f"Invalid schema for response_format '{name}': expected an object.")
    if described.get("strict"):
        for fault in _faults(schema):
            raise _wrong(f"Invalid schema for response_format '{name}': {fault}")
    return schema


def _faults(schema: Mapping[str, Any]) -> Iterator[str]:
    """Say what a strict schema may not be."""
    if schema.get("type") != "object" or "anyOf" in schema:
        yield "schema must be a JSON Schema of 'type: \"object\"'."
    for place, part in _parts(schema, ()):
        where = f"In context={place}"
        for word in FORBIDDEN:
            if word in part:
                yield f"{where}, '{word}' is not permitted."
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            yield f"{where}, 'additionalProperties' is required to be supplied and to be false."
        if _names(part.get("required")) != _names(part.get("properties")):
            yield f"{where}, 'required' is required to be an array including every key in properties."


def _names(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list | dict) else frozenset()


def _parts(schema: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Walk through a schema and the schemas in it."""
    yield place, schema
    named = [("properties", schema.get("properties")), ("$defs", schema.get("$defs"))]
    inner = [
        ((*place, word, name), part) for word, parts in named if isinstance(parts, dict) for name, part in parts.items()
    ]
    inner += [((*place, "items"), schema.get("items"))]
    choices = schema.get("anyOf")
    inner += [((*place, "anyOf", str(i)), part) for i, part in enumerate(choices if isinstance(choices, list) else [])]
    for where, part in inner:
        if isinstance(part, dict):
            yield from _parts(part, where)

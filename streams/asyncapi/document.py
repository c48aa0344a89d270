"""The topics as an AsyncAPI 3.0 document, made from the code that creates and reads them."""

import re
from collections.abc import Callable

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from schemas.record import Record
from schemas.topics import SPECS, STATE, TopicName, Topics, TopicSpec
from streams.asyncapi.channels import CHANNELS, HEADERS, Channel
from streams.asyncapi.channels import STATE as VISITOR_STATE
from streams.asyncapi.records import RECORDS, Json, examples

ASYNCAPI = "3.0.0"
_BINDING = "0.5.0"
"""Of the Kafka bindings; the version whose topicConfiguration takes every setting."""

_PREFIX: Json = {"description": "AISLE_TOPIC_PREFIX: several installations share a broker.", "default": ""}
_GENERATION: Json = {
    "description": "The name of the generation in force and a dot; empty for the first.",
    "default": "",
    "examples": ["two."],
}

_ABOUT = (
    "Real-time retail personalisation on Kafka: events in, slates out. Records are JSON; unknown fields and newer "
    "minor versions pass, another major version is refused. `send` is what aisle's own processes write, `receive` what "
    "they read; shops do the other half."
)


def asyncapi() -> Json:
    """Write the document: a channel per topic, a message per record, an operation per direction."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "aisle",
            "version": f"{Record.VERSION}.0",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {spec.name: _channel(spec, CHANNELS[spec.name]) for spec in SPECS},
        "operations": {name: body for spec in SPECS for name, body in _operations(spec.name).items()},
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(spec: TopicSpec, channel: Channel) -> Json:
    own = spec.name in STATE
    return {
        "address": f"{{prefix}}{'{generation}' if own else ''}{spec.name}",
        "description": _described(spec, channel),
        "parameters": {"prefix": _PREFIX} | ({"generation": _GENERATION} if own else {}),
        "messages": {name: _ref("messages", name) for name in channel.keys},
        "bindings": {
            "kafka": {
                "partitions": Topics().partitions_of(spec),
                "topicConfiguration": {name: _config(name, value) for name, value in spec.config.items()},
                "bindingVersion": _BINDING,
            }
        },
    }


def _described(spec: TopicSpec, channel: Channel) -> str:
    """Say what a topic is for, who writes and reads it, and what its records hang on."""
    writers = ", ".join(filter(None, (channel.writers, channel.sends)))
    readers = ", ".join(filter(None, (channel.readers, channel.receives))) or "nobody yet"
    keys = " ".join(f"Key of {name}: {key or 'none'}." for name, key in channel.keys.items())
    count = "" if spec.partitions else "Partitions: AISLE_PARTITIONS, as many as clickstream.events."
    gone = channel.tombstone and f"Without a value: {channel.tombstone[0].lower()}{channel.tombstone[1:]}"
    parts = (channel.about, f"Written by {writers}.", f"Read by {readers}.", keys, gone, count)
    return " ".join(part for part in parts if part)


def _config(name: str, value: str) -> object:
    """Give a topic's setting as the binding has it: policies as a list, numbers as numbers."""
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if re.fullmatch(r"-?\d+", value) else value


def _operations(topic: TopicName) -> dict[str, Json]:
    """Say what aisle's own processes do with a topic."""
    channel = CHANNELS[topic]
    who = {"send": ("Written by", channel.sends), "receive": ("Read by", channel.receives)}
    return {
        f"{action}.{topic}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic}"},
            "summary": f"{verb} {names}.",
            "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in channel.keys],
        }
        for action, (verb, names) in who.items()
        if names
    }


def _messages() -> dict[str, Json]:
    shown = examples()
    keys = {name: key for channel in CHANNELS.values() for name, key in channel.keys.items()}
    messages = {name: _message(record, key=keys[name], example=shown[name]) for name, record in RECORDS.items()}
    messages[VISITOR_STATE] = {
        "name": VISITOR_STATE,
        "summary": "Internal to the clicks worker; its form may change with any version.",
        "payload": {"type": "object"},
        "bindings": _binding(keys[VISITOR_STATE]),
    }
    return messages


def _message(record: type[Record], *, key: str | None, example: Json) -> Json:
    name = record.__name__
    summary = (record.__doc__ or "").splitlines()[0]
    message: Json = {"name": name, "summary": summary, "payload": _ref("schemas", name)}
    headers = HEADERS.get(name)
    if headers:
        properties = {header: {"type": "string", "description": about} for header, about in headers.items()}
        message["headers"] = {"type": "object", "properties": properties}
    return message | {"bindings": _binding(key), "examples": [{"name": name, "payload": example}]}


def _binding(key: str | None) -> Json:
    described: Json = {} if key is None else {"key": {"type": "string", "description": key}}
    return {"kafka": described | {"bindingVersion": _BINDING}}


def _schemas() -> object:
    """Give the records' schemas and those of their parts, side by side, as AsyncAPI's dialect (JSON Schema draft 7)."""
    wanted: list[tuple[type[Record], JsonSchemaMode]] = [(record, "validation") for record in RECORDS.values()]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return _rewritten(found["$defs"], _as_draft_7)


def _as_draft_7(node: Json) -> Json:
    """Say of a tuple's places what draft 7 calls `items`."""
    if "prefixItems" not in node:
        return node
    return {name: value for name, value in node.items() if name != "prefixItems"} | {"items": node["prefixItems"]}


def _rewritten(node: object, change: Callable[[Json], Json]) -> object:
    """Change every object in a JSON value."""
    if isinstance(node, list):
        return [_rewritten(one, change) for one in node]
    if isinstance(node, dict):
        return change({name: _rewritten(value, change) for name, value in node.items()})
    return node


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}

"""What docs/schema says of the wire is what the code does."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.topics import SPECS, Topics
from streams.asyncapi.channels import CHANNELS, STATE
from streams.asyncapi.growth import SHOPS, broken
from streams.asyncapi.records import RECORDS, record_schemas
from streams.cli.schema import exported
from tests.unit.test_record_docs import EXAMPLES

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
RENEW = "the wire has changed: if that is meant, run `aisle schema export docs/schema` and commit what it writes"
EXPORTED = exported()
SCHEMAS: dict[str, Any] = record_schemas()
DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text())
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


@pytest.mark.parametrize("name", EXPORTED)
def test_the_file_is_what_the_code_says(name: str) -> None:
    """An unnoticed change of the wire fails here."""
    assert (FOLDER / name).read_text() == EXPORTED[name], RENEW


def test_there_are_no_files_of_records_that_are_gone() -> None:
    """Each file belongs to a record, or is the document."""
    assert {path.name for path in FOLDER.iterdir()} == set(EXPORTED), RENEW


@pytest.mark.parametrize(("name", "side"), SHOPS.items())
def test_shops_built_on_the_committed_schema_go_on(name: str, side: Any) -> None:
    """A record of the same major version has only grown."""
    missed = broken(json.loads((FOLDER / f"{name}.schema.json").read_text()), SCHEMAS[name], side=side)

    assert not missed, f"shops that use {name} would break: {missed}; keep it, or give {name} another major version"


def references(node: Any) -> list[str]:
    """Collect every reference in a JSON value."""
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


def looked_up(ref: str) -> Any:
    """Follow a reference in the document."""
    node = DOCUMENT
    for part in ref.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_in_the_document_resolves() -> None:
    """They all stay inside of it."""
    found = set(references(DOCUMENT))

    assert len(found) > 50
    assert all(ref.startswith("#/") and looked_up(ref) for ref in found)


def test_every_topic_is_a_channel_with_its_name_partitions_and_policy() -> None:
    """With the defaults of its parameters, an address is the topic's name of a first installation."""
    topics = Topics()
    assert list(DOCUMENT["channels"]) == list(CHANNELS) == [spec.name for spec in SPECS]
    for spec in SPECS:
        channel = DOCUMENT["channels"][spec.name]
        defaults = {name: about["default"] for name, about in channel["parameters"].items()}
        kafka = channel["bindings"]["kafka"]
        assert channel["address"].format(**defaults) == topics[spec.name]
        assert kafka["partitions"] == topics.partitions_of(spec)
        told = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in kafka["topicConfiguration"].items()
        }
        assert told == spec.config
        assert channel["messages"]


def test_what_belongs_to_a_generation_bears_its_name() -> None:
    """As the topics are called on the broker."""
    topics = Topics(prefix="shop1.", generation="two")
    for spec in SPECS:
        address = DOCUMENT["channels"][spec.name]["address"]
        assert address.format(prefix="shop1.", generation="two.") == topics[spec.name]


def test_every_topic_has_somebody_who_writes_it() -> None:
    """Aisle's own as operations, others by name."""
    operations = DOCUMENT["operations"]
    for name, channel in CHANNELS.items():
        assert channel.sends or channel.writers
        assert (f"send.{name}" in operations, f"receive.{name}" in operations) == (
            bool(channel.sends),
            bool(channel.receives),
        )


def test_every_record_is_on_a_channel() -> None:
    """And the visitors' states, which are internal and say so."""
    on_channels = {name for channel in CHANNELS.values() for name in channel.keys}

    assert on_channels == set(MESSAGES) == {*RECORDS, STATE}
    assert MESSAGES[STATE]["summary"].startswith("Internal")


@pytest.mark.parametrize("name", RECORDS)
def test_each_example_is_a_record_and_fits_both_schemas(name: str) -> None:
    """It is the one that docs/records.md shows; our own decoder takes it and writes it again."""
    (shown,) = MESSAGES[name]["examples"]
    example = shown["payload"]
    ours = RECORDS[name].decode(json.dumps(example).encode())

    assert json.loads(ours.encode()) == example
    assert example in [json.loads(text) for kind, text in EXAMPLES if kind == name]
    Draft202012Validator(SCHEMAS[name]).validate(example)
    Draft7Validator(DOCUMENT | MESSAGES[name]["payload"]).validate(example)


@pytest.mark.parametrize("name", RECORDS)
def test_both_schemas_refuse_what_is_no_record(name: str) -> None:
    """A field of a wrong type, and one that is missing."""
    example = MESSAGES[name]["examples"][0]["payload"]
    field = SCHEMAS[name]["required"][0]
    for wrong in (example | {field: [None]}, {key: value for key, value in example.items() if key != field}):
        assert not Draft202012Validator(SCHEMAS[name]).is_valid(wrong)
        assert not Draft7Validator(DOCUMENT | MESSAGES[name]["payload"]).is_valid(wrong)

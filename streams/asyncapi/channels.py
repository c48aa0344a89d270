"""Who writes and reads each topic, under which key: what `schemas/topics.py` does not say."""

from typing import NamedTuple

from schemas.topics import (
    CHANGELOG,
    EMBEDDINGS,
    ERASURES,
    EVENTS,
    EVENTS_DEAD,
    EVIDENCE,
    GENERATIONS,
    JUDGEMENT_REQUESTS,
    JUDGEMENTS,
    LEARNING,
    PRODUCTS,
    PRODUCTS_DEAD,
    RULES,
    SLATES,
    TopicName,
)


class Channel(NamedTuple):
    """One topic as others see it.

    `keys` has the records on it, and what each is keyed by; None for nothing. Of those who write or read, `sends` and
    `receives` are aisle's own processes and commands, `writers` and `readers` everybody else; `tombstone` is what a
    record without a value means.
    """

    about: str
    keys: dict[str, str | None]
    sends: str = ""
    receives: str = ""
    writers: str = ""
    readers: str = ""
    tombstone: str = ""


STATE = "VisitorState"
"""A visitor's state: no record of ours to others, so there is neither schema nor example."""

_DEAD = {"DeadLetter": "the refused record's", "Requeue": None}

CHANNELS: dict[TopicName, Channel] = {
    EVENTS: Channel(
        "What visitors do. The partition is murmur2 of the key, as Kafka's Java client has it.",
        {"Event": "visitor_id"},
        sends="the gateway, aisle import, aisle dead requeue",
        receives="clicks workers, aisle replay",
        writers="the shop's pages, apps and backends",
    ),
    PRODUCTS: Channel(
        "What the shop sells.",
        {"Product": "product_id"},
        sends="aisle import catalog, aisle dead requeue",
        receives="catalog and clicks workers",
        writers="the shop's catalogue",
        tombstone="The product is gone.",
    ),
    EMBEDDINGS: Channel(
        "Vectors of products.",
        {"Embedding": "product_id"},
        sends="the catalog worker",
        receives="clicks workers",
        tombstone="The product has no vector any more.",
    ),
    CHANGELOG: Channel(
        "Visitors' states. Internal: their form may change with any version, and nobody else may write or rely on it.",
        {STATE: "visitor_id, or \\0watermark"},
        sends="clicks workers",
        receives="clicks workers, when they take a partition over",
        tombstone="The visitor asked to be forgotten, or their profile has ended.",
    ),
    LEARNING: Channel(
        "What is learned, in order: the model is a fold of this log.",
        {"LearningStep": None},
        sends="clicks workers",
        receives="every clicks worker",
    ),
    ERASURES: Channel(
        "Who asked to be forgotten: whoever reads old events leaves out what these people did before.",
        {"Erasure": "visitor:ID or user:ID"},
        sends="clicks workers",
        receives="clicks workers, aisle replay, aisle backfill, aisle precompute, aisle dead",
        readers="whoever keeps a copy of events",
    ),
    GENERATIONS: Channel(
        "Which states and model are in force, and which are being built.",
        {"Generation": "current or building"},
        sends="aisle replay, aisle backfill, aisle repartition, aisle generations",
        receives="every worker and command, when it starts",
    ),
    SLATES: Channel(
        "What the shop shows, in the partition of the event it answers. Keep, per visitor, placement and anchor, the "
        "slate with the greatest (cause epoch, cause offset, revision).",
        {"Slate": "visitor_id"},
        sends="clicks workers, aisle precompute",
        receives="the gateway, aisle explain, aisle replay --verify, aisle audit",
        readers="the storefront",
    ),
    EVIDENCE: Channel(
        "What no log can give back of a slate, for a share of them.",
        {"Evidence": "visitor_id"},
        sends="clicks workers",
        receives="aisle explain, aisle replay --verify",
    ),
    JUDGEMENT_REQUESTS: Channel(
        "What a language model is to judge.",
        {"JudgementRequest": "segment|intent"},
        sends="clicks workers",
        receives="the judge",
    ),
    JUDGEMENTS: Channel(
        "What it said, and what that cost; keys that begin with a zero byte are of costs.",
        {"JudgementTable": "segment|intent", "Spending": "\\0spending. and the partition of the requests"},
        sends="the judge, aisle precompute",
        receives="the judge, clicks workers",
        tombstone="The table has expired.",
    ),
    RULES: Channel(
        "What the operator decides. Kept for those who write it; no worker reads it yet.",
        {"Rule": "rule_id"},
        writers="operators",
        tombstone="The rule has ended.",
    ),
    EVENTS_DEAD: Channel(
        "Events that could not be used, each in the partition it came from, and notes of what was sent again.",
        _DEAD,
        sends="clicks workers, aisle dead requeue",
        receives="aisle dead",
    ),
    PRODUCTS_DEAD: Channel(
        "Products that could not be used, each in the partition it came from, and notes of what was sent again.",
        _DEAD,
        sends="the catalog worker, aisle dead requeue",
        receives="aisle dead",
    ),
}

HEADERS: dict[str, dict[str, str]] = {
    "Event": {
        "origin": "`import` or `replay` lets events older than seven days in.",
        "sender": "`browser`, `server` or `gateway`, of what came in by the gateway.",
        "requeued": "The dead letter it comes from, such as `clickstream.events/0/77@1777636800250`.",
    },
    "Product": {"requeued": "The dead letter it comes from."},
    "Requeue": {"note": "`sending` or `sent`: what tells notes from dead letters."},
}
"""Kafka headers by record, all of them optional but `note`."""

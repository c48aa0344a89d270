"""Records that are skipped for good: counted by topic, told once a minute."""

import json
import logging

import pytest
from prometheus_client import REGISTRY

from schemas.topics import EMBEDDINGS, LEARNING, PRODUCTS
from streams.bootstrap import build_world
from streams.flow import LogRecord
from streams.partitions import Restore
from streams.settings import Settings
from streams.telemetry import JsonFormatter
from streams.unreadable import unreadable


def skipped(topic: str) -> float:
    """Read the counter."""
    return REGISTRY.get_sample_value("aisle_unreadable_total", {"topic": topic}) or 0.0


def test_every_fold_counts_what_it_skips() -> None:
    """Products without key or of another key, vectors and lessons that are none."""
    folds = {fold.topic: fold for fold in build_world(Settings(_env_file=None)).folds}
    records = {
        PRODUCTS: [(None, b"{}"), (b"p", b"{}"), (b"q", b'{"product_id":"p","title":"Mug"}')],
        EMBEDDINGS: [(b"p", b"nonsense")],
        LEARNING: [(None, b"nonsense")],
    }
    before = {topic: skipped(topic) for topic in records}
    for topic, rows in records.items():
        for offset, (key, value) in enumerate(rows):
            folds[topic].apply(LogRecord(0, offset, 0, key, value))

    assert {topic: skipped(topic) - before[topic] for topic in records} == {PRODUCTS: 3, EMBEDDINGS: 1, LEARNING: 1}


def test_a_changelog_counts_what_it_skips() -> None:
    """States that are none, as a restore finds them."""
    before = skipped("visitors.changelog")
    Restore(0).changelog([LogRecord(0, 0, 0, b"v", b"nonsense"), LogRecord(0, 1, 0, b"w", b'{"applied":1}')])

    assert skipped("visitors.changelog") == before + 1


def test_the_line_names_the_place(caplog: pytest.LogCaptureFixture) -> None:
    """As fields of the JSON log; a line that is not due is still counted."""
    before = skipped(PRODUCTS)
    with caplog.at_level(logging.WARNING):
        unreadable(PRODUCTS, "schema: x", partition=2, offset=7, tell=lambda _topic: True)
        unreadable(PRODUCTS, "schema: x", partition=2, offset=8, tell=lambda _topic: False)

    (line,) = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert (line["topic"], line["partition"], line["offset"], line["level"]) == (PRODUCTS, 2, 7, "warning")
    assert skipped(PRODUCTS) == before + 2

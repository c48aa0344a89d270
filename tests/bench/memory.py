"""Resident memory of 10,000 products, and of 10,000 sessions in the worker's state and in the model."""

import argparse
import gc
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from handler import Handler, read_history
from processes import rss_bytes
from shop import embeddings, products
from telling import tell

from schemas.learning import LearningStep, Origin
from schemas.topics import EMBEDDINGS, PRODUCTS
from streams.bootstrap import build_world
from streams.flow import LogRecord
from streams.settings import Settings

COUNT = 10_000


def main() -> None:
    """Print megabytes by what takes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=("products", "sessions", "model"), required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--state-bytes", type=int, required=True)
    arguments = parser.parse_args()
    grown: dict[str, Callable[[], int]] = {
        "products": of_products,
        "sessions": partial(of_sessions, arguments.state_bytes),
        "model": partial(of_model, arguments.history),
    }
    tell(json.dumps({"bytes": grown[arguments.what]()}))


def of_products() -> int:
    """Take products and their vectors."""
    catalogue = products(COUNT)
    records = [(PRODUCTS, p.product_id.encode(), p.encode()) for p in catalogue]
    records += [(EMBEDDINGS, e.product_id.encode(), e.encode()) for e in embeddings(catalogue)]
    del catalogue
    folds = {fold.topic: fold for fold in build_world(Settings()).folds}
    before = _settled()
    for offset, (topic, key, value) in enumerate(records):
        folds[topic].apply(LogRecord(0, offset, 0, key, value))
    return _settled() - before


def of_sessions(state_bytes: int) -> int:
    """Hold the encoded states of as many visitors."""
    before = _settled()
    states = {f"visitor-{number:08d}".encode(): bytes(state_bytes) for number in range(COUNT)}
    grown = _settled() - before
    assert len(states) == COUNT
    return grown


def of_model(history: Path) -> int:
    """Learn sessions that walk through the catalogue as the history's did, under new names."""
    handler = Handler(None, 1)
    steps = [LearningStep.decode(value) for value in read_history(history)]
    model = handler.world.knowledge.model
    by_session: dict[str, list[LearningStep]] = {}
    for step in steps:
        by_session.setdefault(step.session or "", []).append(step)
    walks = list(by_session.values())
    for offset, step in enumerate(steps):
        model.learn_one(step, offset)
    before, offset = _settled(), len(steps)
    for number in range(COUNT):
        name = f"visitor-{number:08d}"
        for step in walks[number % len(walks)]:
            origin = Origin(topic="more", partition=0, offset=offset)
            model.learn_one(step.model_copy(update={"visitor_id": name, "session": name, "origin": origin}), offset)
            offset += 1
    return _settled() - before


def _settled() -> int:
    gc.collect()
    return rss_bytes()


if __name__ == "__main__":
    main()

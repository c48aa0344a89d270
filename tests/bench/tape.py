"""The same events for everyone: made once, kept in a file, read by every process of the benchmark."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.placements import PLACEMENTS
from schemas.events import Event
from streams.kafka import partition_of


class Taped(NamedTuple):
    """One record of `clickstream.events`, and how many slates it asks for."""

    partition: int
    slates: int
    key: bytes
    value: bytes


class Answer(NamedTuple):
    """What aisle writes because of one event, in bytes: its slates and its visitor's state."""

    slates: Sequence[int]
    state: int


def write_tape(path: Path, events: Iterable[Event], partitions: int) -> list[Taped]:
    """Write events one a line, each with the partition its key belongs to."""
    tape = []
    with path.open("wb") as file:
        for event in events:
            key = event.visitor_id.encode()
            slates = sum(placement.triggered_by(event) for placement in PLACEMENTS)
            taped = Taped(partition_of(key, partitions), slates, key, event.encode())
            file.write(b"%d %d %s %s\n" % taped)
            tape.append(taped)
    return tape


def read_tape(path: Path) -> list[Taped]:
    """Read what `write_tape` wrote."""
    lines = (line.split(b" ", 3) for line in path.read_bytes().splitlines())
    return [Taped(int(partition), int(slates), key, value) for partition, slates, key, value in lines]


def write_answers(path: Path, answers: Mapping[str, Sequence[Answer]], sample: bytes) -> None:
    """Keep what aisle answered by event name, and one slate, for the jobs that write the same without deciding."""
    path.write_text(json.dumps({"answers": answers, "sample": sample.decode()}))


class Copyist:
    """Answer events with records of the size aisle's have, without deciding anything.

    Args:
        path: what `write_answers` wrote.
    """

    def __init__(self, path: Path) -> None:
        kept = json.loads(path.read_text())
        self._answers: dict[str, list[Answer]] = {
            name: [Answer(*answer) for answer in answers] for name, answers in kept["answers"].items()
        }
        sizes = [
            size for answers in self._answers.values() for answer in answers for size in (*answer.slates, answer.state)
        ]
        sample: bytes = kept["sample"].encode()
        self._text: bytes = sample * (1 + max(sizes) // len(sample))

    def slates(self, value: bytes, partition: int, offset: int) -> list[bytes]:
        """Answer one event; the answers name their cause as slates do."""
        cause = b'{"cause":{"topic":"clickstream.events","partition":%d,"offset":%d},' % (partition, offset)
        return [cause + self._text[len(cause) : size] for size in self._answer(value, offset).slates]

    def state(self, value: bytes, offset: int) -> bytes:
        """Give a visitor's state after one event."""
        return self._text[: self._answer(value, offset).state]

    def _answer(self, value: bytes, offset: int) -> Answer:
        answers = self._answers[json.loads(value)["name"]]
        return answers[offset % len(answers)]

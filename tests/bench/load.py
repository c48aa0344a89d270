"""Send events of the tape at a fixed rate, whatever becomes of them: an open loop. Or as fast as the broker takes them.

Event n is due at start + n / rate; what is late is sent at once, and latency counts from when it was due.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tape import Taped, read_tape
from telling import tell

UNREAD_LIMIT = 200_000


def main() -> None:
    """Send, and tell when it began."""
    arguments = _arguments()
    from confluent_kafka import Producer

    tape = read_tape(arguments.tape)[arguments.first : arguments.first + arguments.count]
    producer = Producer(
        {
            "bootstrap.servers": arguments.bootstrap,
            "linger.ms": 1,
            "acks": "all",
            "enable.idempotence": True,
            "queue.buffering.max.messages": UNREAD_LIMIT,
        }
    )
    producer.list_topics(arguments.topic, timeout=20)  # connected before the clock starts
    tell("ready")
    time.sleep(0.2)
    began = time.time_ns()
    if arguments.rate:
        _paced(producer, arguments.topic, tape, arguments.rate)
    else:
        _flat_out(producer, arguments.topic, tape)
    if producer.flush(60):
        raise SystemExit("the broker did not take every event within a minute")
    tell(json.dumps({"began_ns": began}))


def _paced(producer: Any, topic: str, tape: Sequence[Taped], rate: float) -> None:
    began, sent = time.monotonic(), 0
    while sent < len(tape):
        due = min(len(tape), int((time.monotonic() - began) * rate) + 1)
        for partition, _, key, value in tape[sent:due]:
            producer.produce(topic, value, key, partition)
        sent = due
        producer.poll(0)
        time.sleep(min(0.002, 0.5 / rate))


def _flat_out(producer: Any, topic: str, tape: Sequence[Taped]) -> None:
    for number, (partition, _, key, value) in enumerate(tape):
        producer.produce(topic, value, key, partition)
        if number % 1000 == 0:
            producer.poll(0)
            while len(producer) > UNREAD_LIMIT // 2:
                producer.poll(0.01)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="events/s; 0: as fast as the broker takes them")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The floor: one hop through librdkafka. Consume, produce the answer, wait for nothing, keep nothing."""

import signal
from typing import Any

from job import JobArguments
from tape import Copyist
from telling import tell

from schemas.topics import EVENTS, SLATES


def main() -> None:
    """Copy until told to stop."""
    arguments = JobArguments.parse()
    from confluent_kafka import Consumer, Producer, TopicPartition

    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    topics, copyist = arguments.topics, Copyist(arguments.answers)
    consumer: Any = Consumer(
        {
            "bootstrap.servers": arguments.bootstrap,
            "group.id": f"{topics.prefix}floor",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 1,
        }
    )
    consumer.assign([TopicPartition(topics[EVENTS], partition, 0) for partition in range(topics.partitions)])
    producer: Any = Producer(
        {
            "bootstrap.servers": arguments.bootstrap,
            "linger.ms": 0,
            "acks": "all",
            "enable.idempotence": True,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )
    producer.list_topics(topics[SLATES], timeout=20)
    tell("ready")
    while not stopping:
        for message in consumer.consume(500, 0.002):
            partition, offset = message.partition(), message.offset()
            for slate in copyist.slates(message.value(), partition, offset):
                _produce(producer, topics[SLATES], partition, message.key(), slate)
        producer.poll(0)
    producer.flush(10)
    consumer.close()


def _produce(producer: Any, topic: str, partition: int, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.01)
        else:
            return


if __name__ == "__main__":
    main()

"""Two topics of one name are told apart, on Apache Kafka itself."""

import secrets

import pytest

from schemas.errors import RetryError
from schemas.topics import EVENTS, Topics
from streams.admin import Admin
from streams.brokers import Broker
from streams.topic_ids import UNKNOWN, topic_id


@pytest.mark.kafka
def test_a_topic_created_anew_has_another_id(kafka_broker: Broker) -> None:
    """The id stays while the topic does; whoever asks for one that is not there has to try again."""
    topics = Topics(prefix=f"t-{secrets.token_hex(4)}.", partitions=1)
    kafka_broker.create_topics(topics)
    name = topics[EVENTS]
    try:
        first = topic_id(kafka_broker.settings, name)
        assert first not in {UNKNOWN, "None"}
        assert topic_id(kafka_broker.settings, name) == first
        with Admin(kafka_broker.settings, embedded=False) as admin:
            admin.delete([name])
        with pytest.raises(RetryError, match=name):
            topic_id(kafka_broker.settings, name)
        kafka_broker.create_topics(topics)
        assert topic_id(kafka_broker.settings, name) not in {first, UNKNOWN}
    finally:
        kafka_broker.delete_topics(topics.prefix)

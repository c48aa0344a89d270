"""Which topic it is, beyond its name: a topic that was deleted and created anew has another id."""

import logging

from streams.kafka import confluent_config
from streams.settings import Settings

log = logging.getLogger(__name__)

UNKNOWN = ""
"""No id: a broker before 2.8, the embedded one, or state written before ids were kept."""

ANSWER_S = 10.0


def topic_id(settings: Settings, topic: str) -> str:
    """Ask the broker for a topic's id; blocks for some milliseconds.

    Args:
        settings: which broker and how to connect.
        topic: name on the broker.

    Returns:
        the id as Kafka's own tools print it, `UNKNOWN` where the broker gives none.
    """
    from confluent_kafka import KafkaException, TopicCollection
    from confluent_kafka.admin import AdminClient

    client = AdminClient(confluent_config(settings))
    try:
        asked = client.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_S)
        found = asked[topic].result().topic_id
    except KafkaException as error:
        # What else is held against the log finds most; a worker that cannot start helps nobody.
        log.warning("the id of topic %s is not known (%s): that it was not created anew is not checked", topic, error)
        return UNKNOWN
    nothing = found is None or not (found.get_most_significant_bits() or found.get_least_significant_bits())
    return UNKNOWN if nothing else str(found)

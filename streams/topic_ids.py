"""Which topic it is, beyond its name: a topic that was deleted and created anew has another id."""

import logging

from schemas.errors import RetryError
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

    Raises:
        RetryError: there is no such topic; it may be on its way.
    """
    from confluent_kafka import KafkaError, KafkaException, TopicCollection
    from confluent_kafka.admin import AdminClient

    client = AdminClient(confluent_config(settings) | {"log_level": 3})  # its remarks are of no use here
    try:
        asked = client.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_S)
        found = asked[topic].result().topic_id
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise RetryError(f"topic {topic} is not there any more: was it deleted, to be created anew?") from None
        # What else is held against the log finds most; a worker that cannot start helps nobody.
        log.warning("the id of topic %s is not known (%s): that it was not created anew is not checked", topic, error)
        return UNKNOWN
    nothing = found is None or not (found.get_most_significant_bits() or found.get_least_significant_bits())
    return UNKNOWN if nothing else str(found)

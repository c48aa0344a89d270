"""The benchmark measures real Kafka, not a double of it."""

from schemas.errors import RefusedError
from streams.brokers import Broker


def real(broker: Broker) -> Broker:
    """Pass a broker on that is Kafka itself.

    Raises:
        RefusedError: it is the embedded one.
    """
    if broker.kind == "embedded":
        raise RefusedError("The benchmark needs real Kafka: set KAFKA_BOOTSTRAP_SERVERS, or install Java 17 and Maven.")
    return broker

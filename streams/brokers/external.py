"""The broker that KAFKA_BOOTSTRAP_SERVERS names."""

from schemas.errors import RefusedError
from streams.admin import Admin
from streams.brokers.broker import Broker, Progress
from streams.settings import Settings


def open_external(settings: Settings, progress: Progress) -> Broker:
    """Reach the broker of the settings.

    Raises:
        RefusedError: none is set, or it does not answer.
    """
    if not settings.kafka_bootstrap_servers:
        raise RefusedError("KAFKA_BOOTSTRAP_SERVERS is not set: name the brokers, such as localhost:9092.")
    progress(f"Connecting to {settings.kafka_bootstrap_servers}")
    with Admin(settings, embedded=False):
        return Broker("external", settings)

"""How commands about the past reach the broker."""

from typing import Any

from streams.settings import Settings


def client_of(settings: Settings) -> dict[str, Any]:
    """Give what every aiokafka client takes, after a look at whether the installation's topics are there.

    Raises:
        RefusedError: no broker answers, or topics are missing.
    """
    from streams.admin import check_topics
    from streams.kafka import aiokafka_config, bootstrap_servers, is_embedded

    bootstrap_servers(settings)
    check_topics(settings)
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    return aiokafka_config(settings)

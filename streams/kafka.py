"""How every Kafka client connects, and where keys go: one place for aiokafka, kafka-python, librdkafka and Faust."""

import os
import struct
from typing import Any

from schemas.errors import RefusedError
from streams.settings import Settings

KIND_VARIABLE = "AISLE_BROKER_KIND"
"""Set to `embedded` in processes that talk to the embedded broker, which needs a few things done differently."""

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition Kafka's own clients put a key in: murmur2(key), sign bit cleared, modulo.

    librdkafka does the same only when told `partitioner=murmur2_random`.

    Args:
        key: the record's key, any length.
        partitions: of the topic, at least 1.

    Returns:
        0..partitions - 1.

    Source:
        org.apache.kafka.clients.producer.internals.BuiltInPartitioner.

    >>> partition_of(b"visitor-1", 8)
    2
    """
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """Hash as Kafka does (MurmurHash2, 32 bit, seed 0x9747b28c)."""
    length = len(data)
    whole = length & ~3
    h = 0x9747B28C ^ length
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        k = (word * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if whole != length:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def bootstrap_servers(settings: Settings) -> str:
    """Give the brokers to connect to.

    Raises:
        RefusedError: none are set.
    """
    if not settings.kafka_bootstrap_servers:
        raise RefusedError(
            "KAFKA_BOOTSTRAP_SERVERS is not set: name the brokers, such as localhost:9092, or try `aisle demo`, "
            "which starts a broker of its own."
        )
    return settings.kafka_bootstrap_servers


def is_embedded() -> bool:
    """Tell whether this process talks to the embedded broker."""
    return os.environ.get(KIND_VARIABLE) == "embedded"


def aiokafka_config(settings: Settings) -> dict[str, Any]:
    """Give the keyword arguments every aiokafka client takes."""
    config: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(settings),
        "security_protocol": settings.kafka_security_protocol,
    }
    if _tls(settings):
        config["ssl_context"] = _ssl_context(settings)
    if _sasl(settings):
        config |= _sasl_arguments(settings)
    return config


def kafka_python_config(settings: Settings, *, embedded: bool | None = None) -> dict[str, Any]:
    """Give the keyword arguments every kafka-python client takes; `embedded` as this process was told if None."""
    config = aiokafka_config(settings)
    if is_embedded() if embedded is None else embedded:
        # Its answer to ApiVersions v4 is malformed, so the version is stated and not asked for.
        config["api_version"] = (2, 3)
    return config


def confluent_config(settings: Settings) -> dict[str, object]:
    """Give the settings every librdkafka client takes; producers add `partitioner=murmur2_random`."""
    config: dict[str, object] = {
        "bootstrap.servers": bootstrap_servers(settings),
        "security.protocol": settings.kafka_security_protocol,
    }
    if _tls(settings):
        paths = {
            "ssl.ca.location": settings.kafka_ssl_ca,
            "ssl.certificate.location": settings.kafka_ssl_cert,
            "ssl.key.location": settings.kafka_ssl_key,
        }
        config |= {name: str(_readable(path)) for name, path in paths.items() if path is not None}
    if _sasl(settings):
        arguments = _sasl_arguments(settings)
        config |= {
            "sasl.mechanism": arguments["sasl_mechanism"],
            "sasl.username": arguments["sasl_plain_username"],
            "sasl.password": arguments["sasl_plain_password"],
        }
    return config


def faust_credentials(settings: Settings) -> Any:
    """Give what `faust.App(broker_credentials=...)` takes; None for PLAINTEXT."""
    from faust import SASLCredentials, SSLCredentials

    context = _ssl_context(settings) if _tls(settings) else None
    if _sasl(settings):
        arguments = _sasl_arguments(settings)
        return SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            mechanism=arguments["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else SSLCredentials(context)


def _tls(settings: Settings) -> bool:
    return settings.kafka_security_protocol in {"SSL", "SASL_SSL"}


def _sasl(settings: Settings) -> bool:
    return settings.kafka_security_protocol.startswith("SASL")


def _sasl_arguments(settings: Settings) -> dict[str, str]:
    if not settings.kafka_sasl_username or settings.kafka_sasl_password is None:
        raise RefusedError(
            f"AISLE_KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}: set AISLE_KAFKA_SASL_USERNAME "
            "and AISLE_KAFKA_SASL_PASSWORD too."
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }


def _ssl_context(settings: Settings) -> Any:
    import ssl

    try:
        ca = None if settings.kafka_ssl_ca is None else str(_readable(settings.kafka_ssl_ca))
        context = ssl.create_default_context(cafile=ca)
        if settings.kafka_ssl_cert is not None:
            key = None if settings.kafka_ssl_key is None else str(_readable(settings.kafka_ssl_key))
            context.load_cert_chain(str(_readable(settings.kafka_ssl_cert)), key)
    except ssl.SSLError as error:
        raise RefusedError(f"The TLS files of AISLE_KAFKA_SSL_* are not usable ({error.reason}).") from None
    return context


def _readable(path: Any) -> Any:
    if not os.access(path, os.R_OK):
        raise RefusedError(f"{path} cannot be read: check AISLE_KAFKA_SSL_CA, _CERT and _KEY.")
    return path

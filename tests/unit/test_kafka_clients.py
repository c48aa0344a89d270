"""Where keys go, and how every client connects: one place."""

import random
from pathlib import Path

import pytest
from aiokafka.partitioner import DefaultPartitioner as AiokafkaPartitioner
from kafka.partitioner import murmur2

from schemas.errors import RefusedError
from streams.kafka import aiokafka_config, confluent_config, faust_credentials, kafka_python_config, partition_of
from streams.settings import Settings


def settings(**changes: object) -> Settings:
    """Give settings that depend on nothing around the test."""
    return Settings(_env_file=None, **{"kafka_bootstrap_servers": "kafka-1:9093", **changes})


SASL = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_username": "shop",
    "kafka_sasl_password": "secret",
}


def test_keys_go_where_kafkas_own_clients_put_them() -> None:
    """Aiokafka and kafka-python agree with us on keys of every length up to 40."""
    rng = random.Random(1)
    aiokafka = AiokafkaPartitioner()
    for length in range(1, 41):
        for partitions in (1, 4, 7, 64):
            key = rng.randbytes(length)
            assert partition_of(key, partitions) == aiokafka(key, list(range(partitions)), [])
            assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_keys_go_where_javas_client_puts_them() -> None:
    """The values of Kafka's own UtilsTest.testMurmur2, signed there, unsigned here."""
    cases = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, expected in cases.items():
        assert partition_of(key, 1 << 31) == expected & 0x7FFFFFFF


def test_plaintext_needs_no_more_than_the_servers() -> None:
    """Without security no client is given any."""
    plain = settings()

    assert aiokafka_config(plain) == {"bootstrap_servers": "kafka-1:9093", "security_protocol": "PLAINTEXT"}
    assert kafka_python_config(plain, embedded=False) == aiokafka_config(plain)
    assert confluent_config(plain) == {"bootstrap.servers": "kafka-1:9093", "security.protocol": "PLAINTEXT"}
    assert faust_credentials(plain) is None


def test_every_client_gets_the_same_user() -> None:
    """SASL and TLS reach aiokafka, kafka-python, librdkafka and Faust from one set of settings."""
    secure = settings(**SASL)

    for config in (aiokafka_config(secure), kafka_python_config(secure, embedded=False)):
        assert (config["security_protocol"], config["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
        assert (config["sasl_plain_username"], config["sasl_plain_password"]) == ("shop", "secret")
        assert config["ssl_context"].check_hostname
    confluent = confluent_config(secure)
    assert (confluent["sasl.mechanism"], confluent["sasl.username"]) == ("SCRAM-SHA-512", "shop")
    assert confluent["sasl.password"] == "secret"
    credentials = faust_credentials(secure)
    assert (credentials.username, credentials.password) == ("shop", "secret")
    assert credentials.ssl_context is not None


def test_the_embedded_broker_is_told_its_version() -> None:
    """kafka-python cannot ask it."""
    assert kafka_python_config(settings(), embedded=True)["api_version"] == (2, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kafka_bootstrap_servers": None}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        ({"kafka_security_protocol": "SASL_SSL"}, "set AISLE_KAFKA_SASL_USERNAME"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_ca": Path("/nowhere/ca.pem")}, "/nowhere/ca.pem cannot be read"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(changes: dict[str, object], sentence: str) -> None:
    """A wrong setting never becomes a trace."""
    with pytest.raises(RefusedError, match=sentence):
        aiokafka_config(settings(**changes))

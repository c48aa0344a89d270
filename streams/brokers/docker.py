"""Apache Kafka in a container, where a Docker engine answers."""

import os
import socket
import time
from importlib.util import find_spec

from schemas.errors import RefusedError
from streams.admin import Admin
from streams.brokers.broker import Broker, Progress, local
from streams.brokers.ports import free_ports
from streams.settings import Settings

IMAGE = "apache/kafka:4.1.1"
_SOCKET = "unix:///var/run/docker.sock"
_ANSWER_S = 5
_START_S = 90

_ENVIRONMENT = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": "4194304",
    "KAFKA_HEAP_OPTS": "-Xmx640m -Xms256m",
}


def open_docker(settings: Settings, progress: Progress) -> Broker:
    """Start a container with a broker; testcontainers removes it even when this process is killed.

    Raises:
        RefusedError: no Docker engine answers, testcontainers is not installed, or the broker does not come up.
    """
    engine_answers()
    from testcontainers.core.container import DockerContainer

    progress(f"Starting {IMAGE} in Docker")
    (port,) = free_ports(1)
    container = DockerContainer(IMAGE).with_bind_ports("9092/tcp", ("127.0.0.1", port))
    for name, value in (_ENVIRONMENT | {"KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}).items():
        container.with_env(name, value)
    try:
        container.start()
    except Exception as error:  # noqa: BLE001  the engine's and the image's failures have no common class
        raise RefusedError(
            f"Docker could not start {IMAGE} ({type(error).__name__}): try `docker pull {IMAGE}`."
        ) from None
    own = local(settings, f"127.0.0.1:{port}")
    try:
        _wait(own)
    except BaseException:
        container.stop()
        raise
    return Broker("docker", own, stop=container.stop)


def engine_answers() -> None:
    """Ask the Docker engine, since a client without an engine is common.

    Raises:
        RefusedError: it does not answer, or testcontainers is not installed.
    """
    if find_spec("testcontainers") is None:
        raise RefusedError("testcontainers is not installed: `pip install testcontainers`.")
    import docker

    try:
        _reach(os.environ.get("DOCKER_HOST") or _SOCKET)
        client = docker.from_env(timeout=_ANSWER_S)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        raise RefusedError("No Docker engine answers: start it, for example `systemctl start docker`.") from None


def _reach(host: str) -> None:
    """Connect once to a local engine: docker's own client leaves its socket open where nobody listens."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_S)
            probe.connect(host.removeprefix("unix://"))


def _wait(settings: Settings) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with Admin(settings, embedded=False):
                return
        except RefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)

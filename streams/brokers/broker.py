"""What every rung of the ladder gives: an address, topics, and an end."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self

from schemas.topics import Topics
from streams.kafka import KIND_VARIABLE
from streams.settings import Settings

Kind = Literal["external", "docker", "maven", "embedded"]

Progress = Callable[[str], object]
"""Called with one line whenever something that takes time begins."""


class Broker:
    """A Kafka broker, reached or started; also a context manager that closes it.

    Args:
        kind: the rung of the ladder it stands on.
        settings: how to connect to it.
        stop: ends what was started for it.
        pid: the process that was started for it.
    """

    def __init__(
        self, kind: Kind, settings: Settings, *, stop: Callable[[], object] = lambda: None, pid: int | None = None
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.bootstrap = settings.kafka_bootstrap_servers or ""
        self.pid = pid
        self._stop = stop

    @property
    def environment(self) -> Mapping[str, str]:
        """Give the environment variables of child processes that are to use this broker."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, KIND_VARIABLE: self.kind}

    def create_topics(self, topics: Topics, *, replication: int = 1) -> list[str]:
        """Create the topics of an installation that are missing; gives their names."""
        from streams.admin import Admin

        with Admin(self.settings, embedded=False) as admin:
            return admin.create(topics, replication=replication)

    def delete_topics(self, prefix: str) -> None:
        """Delete every topic whose name begins with `prefix`."""
        from streams.admin import Admin

        with Admin(self.settings, embedded=False) as admin:
            admin.delete_prefix(prefix)

    def close(self) -> None:
        """End what was started; a broker that was only reached goes on."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def local(settings: Settings, address: str) -> Settings:
    """Give settings that reach a broker of our own: at this address, without any security."""
    return settings.model_copy(update={"kafka_bootstrap_servers": address, "kafka_security_protocol": "PLAINTEXT"})

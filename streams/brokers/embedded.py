"""librdkafka's own Kafka broker, in a process of its own: real protocol, memory only, nothing to install but Python.

`python -m streams.brokers.embedded` prints its address, then takes one command a line on standard input and answers
each with one line, until standard input closes: so it ends with its parent, however that one ends.

    create NAME PARTITIONS
    delete NAME
    list

What it lacks: an admin API, compaction, offsets for times, real transactions. It keeps 5 MB or 100,000 record sets of a
partition and drops the oldest, read or not; a fetch brings one record set of each partition, so a reader of many small
writes is slow. Whoever writes much must look how far the readers are.
"""

import ctypes
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from schemas.errors import RefusedError
from schemas.topics import SPECS, Topics
from streams.brokers.broker import Broker, Progress, local
from streams.brokers.child import stop
from streams.settings import Settings
from streams.topic_checks import missing_topics

_ERROR_CHARS = 512
_PRODUCER = 0
_REBALANCE_MS = 200


class EmbeddedBroker(Broker):
    """The parent's end of the process.

    Args:
        settings: those of the installation; the address is replaced.
    """

    def __init__(self, settings: Settings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams.brokers.embedded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: workers must be able to finish before the broker goes
        )
        self._partitions: dict[str, int] = {}
        self._one_at_a_time = threading.Lock()
        super().__init__("embedded", local(settings, self._answer()), stop=self._end, pid=self._process.pid)

    def create_topics(self, topics: Topics, *, replication: int = 1) -> list[str]:
        """Create the topics of an installation that are missing; there is one broker, so one replica."""
        del replication
        missing = missing_topics(topics, self._partitions)
        for spec in SPECS:
            if topics[spec.name] in missing:
                self.create_topic(topics[spec.name], topics.partitions_of(spec))
        return missing

    def create_topic(self, name: str, partitions: int) -> None:
        """Create one topic."""
        self._ask(f"create {name} {partitions}")
        self._partitions[name] = partitions

    def delete_topics(self, prefix: str) -> None:
        """Delete every topic whose name begins with `prefix`."""
        for name in [name for name in self._partitions if name.startswith(prefix)]:
            self._ask(f"delete {name}")
            del self._partitions[name]

    def _ask(self, command: str) -> None:
        with self._one_at_a_time:
            pipe = _open_pipe(self._process.stdin)
            pipe.write(f"{command}\n".encode())
            pipe.flush()
            answer = self._answer()
        if answer != "ok":
            raise RefusedError(f"The embedded broker refused `{command}`: {answer}.")

    def _answer(self) -> str:
        line = _open_pipe(self._process.stdout).readline()
        if not line:
            raise RefusedError(
                "The embedded broker ended: reinstall confluent-kafka, whose wheel brings it, or set "
                "KAFKA_BOOTSTRAP_SERVERS."
            )
        return line.decode().strip()

    def _end(self) -> None:
        _open_pipe(self._process.stdin).close()
        stop(self._process)
        _open_pipe(self._process.stdout).close()


def open_embedded(settings: Settings, progress: Progress) -> Broker:
    """Start the embedded broker."""
    progress("Starting the embedded broker")
    return EmbeddedBroker(settings)


def _open_pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("the process was started without pipes")
    return pipe


class _Cluster:
    """librdkafka's mock cluster, through the C library that confluent-kafka's wheel brings."""

    def __init__(self) -> None:
        self._library = _load()
        error = ctypes.create_string_buffer(_ERROR_CHARS)
        config = self._library.rd_kafka_conf_new()
        # What it says at lower levels (requests it does not know, no servers configured) is its nature, not news.
        self._library.rd_kafka_conf_set(config, b"log_level", b"2", error, _ERROR_CHARS)
        self._handle = self._library.rd_kafka_new(_PRODUCER, config, error, _ERROR_CHARS)
        if not self._handle:
            raise RuntimeError(error.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _REBALANCE_MS)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, name: str, partitions: int) -> int:
        return int(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1))

    def delete(self, name: str) -> int:
        return int(self._library.rd_kafka_mock_topic_delete(self._cluster, name.encode()))

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)


def _load() -> ctypes.CDLL:
    import confluent_kafka

    package = Path(confluent_kafka.__file__).parent
    places = (package.parent / "confluent_kafka.libs", package / ".dylibs", package)
    found = [path for place in places for path in sorted(place.glob("librdkafka*"))]
    if not found:
        raise RuntimeError(f"no librdkafka beside {package}")
    library = ctypes.CDLL(str(found[0]))
    pointer, number, text, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, ()),
        ("rd_kafka_conf_set", number, (pointer, text, text, text, size)),
        ("rd_kafka_new", pointer, (number, pointer, text, size)),
        ("rd_kafka_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_new", pointer, (pointer, number)),
        ("rd_kafka_mock_cluster_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_mock_topic_create", number, (pointer, text, number, number)),
        ("rd_kafka_mock_topic_delete", number, (pointer, text)),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, (pointer, ctypes.c_int32)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def serve(commands: Iterable[str], answers: IO[str]) -> None:
    """Run the broker until the commands end."""
    cluster = _Cluster()
    print(cluster.bootstrap, file=answers, flush=True)
    for line in commands:
        match line.split():
            case ["create", name, partitions]:
                code = cluster.create(name, int(partitions))
            case ["delete", name]:
                code = cluster.delete(name)
            case _:
                code = -1
        print("ok" if code == 0 else f"error {code}", file=answers, flush=True)
    cluster.close()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)

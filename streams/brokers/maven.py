"""Apache Kafka itself, from Maven artifacts: one KRaft node on this machine, gone when it is closed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.errors import RefusedError
from streams.admin import Admin
from streams.brokers.broker import Broker, Progress, local
from streams.brokers.child import dying_with_parent, stop
from streams.brokers.jars import find_java, kafka_jars
from streams.brokers.ports import free_ports
from streams.settings import Settings

_START_S = 90
_CLUSTER_ID = "aisle-local-broker-001"
_LASTING = ("-Xms256m", "-Xmx640m", "-XX:+UseG1GC")
SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx640m")
"""For a process that ends before thorough compiling pays."""

_LOGGING = """<Configuration status="ERROR"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c %m%n"/>
</Console></Appenders><Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>"""

_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{doors}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class Door(NamedTuple):
    """A second way into the broker: it listens on one port and tells clients another, such as a proxy's."""

    listens: int
    advertised: int


class Node:
    """One broker on this machine, which can be killed and started again on the same data and port.

    Start it from a thread that lives as long as it shall: it ends with that thread.

    Args:
        settings: of the installation; the node's own are made from them.
        progress: told what is done.
        doors: further listeners.
        java: options of its process.

    Raises:
        RefusedError: Java or Maven is missing, or the data directory cannot be formatted.
    """

    def __init__(
        self, settings: Settings, progress: Progress, *, doors: Sequence[Door] = (), java: Sequence[str] = _LASTING
    ) -> None:
        self._options = list(java)
        self._java = find_java()
        self._jars = kafka_jars(cache_dir(), progress)
        self._home = Path(tempfile.mkdtemp(prefix="aisle-kafka-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            port, controller = free_ports(2)
            self.settings = local(settings, f"127.0.0.1:{port}")
            _write_config(self._home, port, controller, doors)
            _format([self._java, *SHORT, *self._classes()], self._home / "server.properties")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Give the process while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def data(self) -> Path:
        """Give the directory of the logs."""
        return self._home / "logs"

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it answers.

        Raises:
            RefusedError: it does not come up.
        """
        with (self._home / "out.log").open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603
                [self._java, *self._options, *self._classes(), "kafka.Kafka", str(self._home / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: workers must be able to finish before the broker goes
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel, no locks taken
            )
        _wait(self._process, self.settings, self._home / "out.log")

    def kill(self) -> None:
        """End it as a power cut would, but for what the kernel keeps of its files."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            stop(self._process)
        shutil.rmtree(self._home, ignore_errors=True)

    def _classes(self) -> list[str]:
        return [f"-Dlog4j2.configurationFile={self._home / 'log4j2.xml'}", "-cp", f"{self._jars}/*"]


def open_maven(settings: Settings, progress: Progress, *, java: Sequence[str] = _LASTING) -> Broker:
    """Start a broker whose log lives in a temporary directory.

    Args:
        settings: of the installation.
        progress: told what is done.
        java: options of its process.

    Raises:
        RefusedError: Java or Maven is missing, or the broker does not come up.
    """
    node = Node(settings, progress, java=java)
    progress("Starting Apache Kafka")
    try:
        node.start()
    except BaseException:
        node.close()
        raise
    return Broker("maven", node.settings, stop=node.close, pid=node.pid)


def cache_dir() -> Path:
    """Give the directory that runs of all installations share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aisle"


def _write_config(home: Path, port: int, controller: int, doors: Sequence[Door]) -> None:
    """Write the broker's properties and its logging."""
    names = [f"DOOR{number}" for number, _ in enumerate(doors)]
    listens = [f",{name}://127.0.0.1:{door.listens}" for name, door in zip(names, doors, strict=True)]
    advertised = [f",{name}://127.0.0.1:{door.advertised}" for name, door in zip(names, doors, strict=True)]
    config = _PROPERTIES.format(
        port=port,
        controller=controller,
        logs=home / "logs",
        doors="".join(listens),
        advertised="".join(advertised),
        protocols="".join(f",{name}:PLAINTEXT" for name in names),
    )
    (home / "server.properties").write_text(config)
    (home / "log4j2.xml").write_text(_LOGGING)


def _format(command: list[str], config: Path) -> None:
    arguments = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(config)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=_START_S)  # noqa: S603
    if done.returncode:
        raise RefusedError(f"Apache Kafka could not format its log directory: {done.stderr.strip()[-300:]}")


def _wait(process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
    """Wait until the broker takes connections and answers one request."""
    address = (settings.kafka_bootstrap_servers or "").split(":")
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex((address[0], int(address[1]))) == 0:
                with Admin(settings, embedded=False):
                    return
        time.sleep(0.1)
    said = " / ".join(log.read_text(errors="replace").splitlines()[-3:])
    raise RefusedError(f"Apache Kafka did not come up within {_START_S} s: {said[-400:]}")

"""Apache Kafka itself, from Maven artifacts: one KRaft node on this machine, gone when it is closed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from schemas.errors import RefusedError
from streams.admin import Admin
from streams.brokers.broker import Broker, Progress, local
from streams.brokers.child import dying_with_parent, stop
from streams.brokers.jars import find_java, kafka_jars
from streams.brokers.ports import free_ports
from streams.settings import Settings

_START_S = 90
_CLUSTER_ID = "aisle-local-broker-001"
_HEAP = ("-Xms256m", "-Xmx640m", "-XX:+UseG1GC")
_SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a process that ends before thorough compiling pays."""

_LOGGING = """<Configuration status="ERROR"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c %m%n"/>
</Console></Appenders><Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>"""

_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
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


def open_maven(settings: Settings, progress: Progress) -> Broker:
    """Start a broker whose log lives in a temporary directory.

    Raises:
        RefusedError: Java or Maven is missing, or the broker does not come up.
    """
    java = find_java()
    jars = kafka_jars(cache_dir(), progress)
    home = Path(tempfile.mkdtemp(prefix="aisle-kafka-"))
    try:
        return _start(java, jars, home, settings, progress)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def cache_dir() -> Path:
    """Give the directory that runs of all installations share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aisle"


def _start(java: str, jars: Path, home: Path, settings: Settings, progress: Progress) -> Broker:
    progress("Starting Apache Kafka")
    port, controller = free_ports(2)
    config = home / "server.properties"
    config.write_text(_PROPERTIES.format(port=port, controller=controller, logs=home / "logs"))
    logging = home / "log4j2.xml"
    logging.write_text(_LOGGING)
    command = [f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars}/*"]
    _format([java, *_SHORT, *command], config)
    with (home / "out.log").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603
            [java, *_HEAP, *command, "kafka.Kafka", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: workers must be able to finish before the broker goes
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel, no locks taken
        )

    def end() -> None:
        stop(process)
        shutil.rmtree(home, ignore_errors=True)

    try:
        own = local(settings, f"127.0.0.1:{port}")
        _wait(process, own, home / "out.log")
    except BaseException:
        end()
        raise
    return Broker("maven", own, stop=end, pid=process.pid)


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

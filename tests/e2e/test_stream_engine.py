"""The stream engine on brokers: kill it, restart it, share it; every event gives exactly one slate."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from schemas.topics import EVENTS
from streams.brokers.embedded import EmbeddedBroker
from streams.settings import Settings
from streams.watchdog import PAUSED
from tests.installation import PARTITIONS, Installation

SUPERVISE = """
import logging.config, pathlib, sys
from streams.settings import Settings
from streams.supervisor import Supervisor
from streams.telemetry import logging_config
from streams.worker_files import files_of
logging.config.dictConfig(logging_config("info", "text"))
settings = Settings()
accept = "--accept-gap" in sys.argv
command = [sys.executable, sys.argv[1]]
sys.exit(Supervisor(command, files_of(settings, "clicks"), settings, accept_gap=accept).run())
"""
COUNTING = (sys.executable, "-c", SUPERVISE, str(Path(__file__).with_name("counting_worker.py")))


class Shop(Installation):
    """An installation whose workers count."""

    def start(self, slot: str = "one", *arguments: str, **env: Any) -> subprocess.Popen[bytes]:
        """Start a counting worker under its supervisor."""
        return super().start(slot, *arguments, command=COUNTING, **env)

    def check(self, events: int) -> None:
        """Hold slates, state and commits against the input: exactly once, and nothing left."""
        self.wait(lambda: self.committed() == events)
        slates = [json.loads(m.value()) | {"p": m.partition()} for m in self.read("recommendations")]
        assert Counter((s["p"], s["cause"]["offset"]) for s in slates).most_common(1)[0][1] == 1
        assert len(slates) == events
        newest = {m.key(): json.loads(m.value()) for m in self.read("visitors.changelog") if m.key()[0]}
        assert sum(state["count"] for state in newest.values()) == events


class Forwarder:
    """A door in front of a broker that is opened later."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def open(self) -> None:
        """Let connections through from now on."""
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                far = socket.create_connection(self._target)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError), one:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


BOTH = pytest.mark.parametrize(
    "shop", ["embedded_broker", pytest.param("kafka_broker", marks=pytest.mark.kafka)], indirect=True
)
KAFKA = pytest.mark.parametrize("shop", [pytest.param("kafka_broker", marks=pytest.mark.kafka)], indirect=True)
EMBEDDED = pytest.mark.parametrize("shop", ["embedded_broker"], indirect=True)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Give an installation on the broker the test asks for."""
    broker = request.getfixturevalue(request.param)
    installation = Shop(broker, tmp_path)
    yield installation
    installation.close()
    broker.delete_topics(installation.prefix)


@BOTH
def test_killed_between_slates_and_state(shop: Shop) -> None:
    """A worker killed after the slates and before the state sends none of them twice, and restores its state."""
    shop.send(300)
    worker = shop.start(FAIL_AFTER_WRITES="1")
    shop.wait(lambda: shop.log().count(b"ended with code -9") >= 2)
    shop.send(300)
    worker.terminate()
    assert worker.wait(20) in {0, 1}
    shop.start()
    shop.check(600)


@KAFKA
def test_two_workers_share(shop: Shop) -> None:
    """A second worker takes half of the partitions, leaves again, and no slate is lost or doubled.

    It leaves its group for good, though it has a name: the first has its partitions long before a minute of silence.
    """
    shop.start("one")
    shop.wait_ready("one")
    shop.send(200)
    two = shop.start("two", AISLE_SESSION_TIMEOUT_S="60")
    shop.wait(lambda: len(shop.progress("two").get("partitions", ())) == 2 and shop.progress("two")["ready"])
    shop.send(200)
    shop.wait(lambda: len(shop.progress("one").get("partitions", ())) == 2)  # it restores its half anew, too
    assert b"ended with code" not in shop.log("one")
    two.terminate()
    assert two.wait(20) == 0
    shop.wait(lambda: len(shop.progress("one").get("partitions", ())) == PARTITIONS)
    shop.send(200)
    shop.check(600)


@EMBEDDED
def test_broker_comes_late(shop: Shop) -> None:
    """A worker that starts before its broker is started again until the broker is there."""
    shop.send(50)
    with Forwarder(shop.bootstrap) as late:
        shop.start(bootstrap=late.address)
        shop.wait(lambda: shop.log().count(b"starting it again") >= 2)
        late.open()
        shop.check(50)


def test_leaves_without_a_broker(tmp_path: Path) -> None:
    """A worker that is told to stop while its broker is gone ends, also when no supervisor is there to kill it."""
    with EmbeddedBroker(Settings(_env_file=None)) as broker:
        shop = Installation(broker, tmp_path)
        worker = shop.start(command=(sys.executable, "-m", "streams.app"))
        shop.wait_ready()
    worker.terminate()
    try:
        assert worker.wait(15) in {0, PAUSED}
    finally:
        shop.close()


@EMBEDDED
def test_poison_becomes_a_dead_letter(shop: Shop) -> None:
    """The record a worker dies on is skipped at the third death and kept as a dead letter; the others are served."""
    shop.send(40)
    shop.send(1, b"POISON", key=b"v1")
    shop.send(40)
    shop.start()
    shop.wait(lambda: shop.committed() == 81)
    (dead,) = [json.loads(m.value()) for m in shop.read("clickstream.events.dead")]
    assert dead["reason"] == "handler"
    assert dead["attempts"] == 3
    assert len(shop.read("recommendations")) == 80


@EMBEDDED
def test_lost_state_is_refused(shop: Shop) -> None:
    """Without the state that was committed the worker stays up, not ready, and says what accepts it."""
    shop.send(400)
    shop.commit(10)
    worker = shop.start()
    shop.wait(lambda: "--accept-gap" in shop.ask("/readyz")[1])
    assert shop.ask("/livez")[0] == 200
    worker.terminate()
    assert worker.wait(20) == 0
    shop.start("one", "--accept-gap")
    shop.wait(lambda: shop.committed() == 400)
    assert len(shop.read("recommendations")) == 400 - 10 * PARTITIONS


@KAFKA
def test_a_source_created_anew_is_refused(shop: Installation) -> None:
    """Also under a running worker, which notices within ten seconds; accepted, all of the new topic is answered.

    However many records the new topic has.
    """
    shop.send(100)
    worker = shop.start()
    shop.wait(lambda: shop.committed() == 100)
    shop.create_anew(EVENTS)
    shop.wait(lambda: "--accept-gap" in shop.ask("/readyz")[1], 60)
    shop.send(400)
    assert "created anew" in shop.ask("/readyz")[1]
    worker.terminate()
    assert worker.wait(20) == 0
    worker = shop.start("one", "--accept-gap")
    shop.wait(lambda: shop.committed() == 400)
    worker.terminate()
    assert worker.wait(20) == 0
    shop.start()
    shop.wait_ready()
    causes = Counter(
        (m.partition(), cause["epoch"], cause["offset"])
        for m in shop.read("recommendations")
        for cause in [json.loads(m.value())["cause"]]
    )
    assert Counter(epoch for _, epoch, _ in causes.elements()) == {0: 100, 1: 400}
    assert set(causes.values()) == {1}

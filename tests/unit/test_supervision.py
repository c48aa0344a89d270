"""The worker's parent, its watchdog and its health pages."""

import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.brokers.ports import free_ports
from streams.http import STARTING_S, HealthServer, Probes, starting
from streams.settings import Settings
from streams.supervisor import BackOff, Supervisor
from streams.watchdog import PAUSED, Watchdog


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def test_watchdog() -> None:
    """A short pause is harmless; a long one ends the process with the code for coming back clean."""
    clock, codes = Clock(), list[int]()
    dog = Watchdog(8, clock=clock, leave=codes.append)
    clock.now = 7.9
    dog.check()
    assert codes == []
    clock.now = 16.0
    dog.check()
    assert codes == [PAUSED]


def test_back_off() -> None:
    """Delays double up to 30 s and start over after a steady minute."""
    back_off = BackOff()
    delays = [back_off.after(uptime_s=1) for _ in range(9)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (0.5, 30.0)
    assert back_off.after(uptime_s=61) == 0.5


def test_started_again_until_told_to_stop(tmp_path: Path) -> None:
    """A worker that fails is started again after each delay, without limit; meanwhile its parent says so."""
    delays: list[float] = []
    said: list[str] = []

    def wait(seconds: float) -> None:
        delays.append(seconds)
        said.append(ask(settings.http_port, "/readyz")[1])
        if len(delays) == 4:
            signal.raise_signal(signal.SIGTERM)

    settings = Settings(http_port=free_ports(1)[0])
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    with own_signals():
        Supervisor(command, tmp_path / "w", settings, wait=wait).run()
    assert delays == [0.5, 1.0, 2.0, 4.0]
    assert said[2] == "the worker ended with code 1; starting it again in 2.0 s\n"


def test_stopped_while_it_starts(tmp_path: Path) -> None:
    """A worker that has not begun to work ends by the signal itself, and that is a clean end."""
    begun = tmp_path / "begun"
    command = [sys.executable, "-c", f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"]
    stop = threading.Thread(target=stop_when, args=(begun.exists,))
    with own_signals():
        stop.start()
        assert Supervisor(command, tmp_path / "w", Settings(http_port=0)).run() == 0
    stop.join()


def stop_when(true: Callable[[], bool]) -> None:
    """Send this process SIGTERM when something is true, at the latest after 20 s."""
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def own_signals() -> Iterator[None]:
    """Put back the handlers that a supervisor takes."""
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def test_a_start_is_alive_and_not_ready() -> None:
    """Until it takes so long that something must be wrong; then the worker answers for itself."""
    clock = Clock()
    server = HealthServer("127.0.0.1", 0, starting("loading the model", clock))
    server.start()
    try:
        clock.now = STARTING_S
        assert ask(server.port, "/livez") == (200, "ok\n")
        assert ask(server.port, "/readyz") == (503, "starting for 600 s: loading the model\n")
        clock.now += 1
        assert ask(server.port, "/livez") == (503, "starting for 601 s: loading the model\n")
        server.answer(Probes(alive=list, ready=list, progress=dict))
        assert ask(server.port, "/livez") == ask(server.port, "/readyz") == (200, "ok\n")
    finally:
        server.stop()


def ask(port: int, page: str) -> tuple[int, str]:
    """Ask a health page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_full_disk_does_not_stop_the_supervisor(tmp_path: Path) -> None:
    """What a worker died on cannot be remembered then, which is no reason to leave it dead."""
    delays: list[float] = []

    def wait(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 2:
            signal.raise_signal(signal.SIGTERM)

    files = tmp_path / "w"
    files.mkdir()
    (files / "in-work").write_text("0 12 17")
    (files / "deaths.new").symlink_to("/dev/full")
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        Supervisor([sys.executable, "-c", "raise SystemExit(1)"], files, Settings(http_port=0), wait=wait).run()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert delays == [0.5, 1.0]
    assert not (files / "deaths.json").exists()


def test_one_worker_a_folder(tmp_path: Path) -> None:
    """Two workers never share their files: the second is refused with the setting to change."""
    import fcntl

    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RefusedError, match="AISLE_WORKER_SLOT"):
            Supervisor(["true"], tmp_path, Settings()).run()


def test_pages() -> None:
    """Readiness names what is missing, metrics are Prometheus text, unknown pages are 404."""
    server = HealthServer(
        "127.0.0.1", 0, Probes(alive=list, ready=lambda: ["learning: 3 records behind"], progress=lambda: {"a": 1})
    )
    server.start()

    try:
        assert ask(server.port, "/livez") == (200, "ok\n")
        assert ask(server.port, "/readyz") == (503, "learning: 3 records behind\n")
        assert ask(server.port, "/progress") == (200, '{"a": 1}')
        assert ask(server.port, "/metrics")[0] == 200
        assert ask(server.port, "/nothing")[0] == 404
    finally:
        server.stop()
    assert threading.active_count() < 20

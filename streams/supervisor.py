"""The parent of a worker process: starts it again, remembers what it died on, stays up to say why it may not run."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from schemas.errors import RefusedError
from streams.deaths import load_deaths, read_marker, save_deaths
from streams.http import HealthServer, Probes
from streams.leaving import REFUSED
from streams.settings import Settings
from streams.telemetry import gauge

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
NO_REASON = "the worker refused to start; its log says why"

STEADY_S = 60.0
"""A worker that ran this long failed for a new reason."""


@dataclass
class BackOff:
    """How long to wait before the next start.

    `steady_s` is how long a worker must have run for its failure to have a new reason.

    >>> back_off = BackOff()
    >>> [back_off.after(uptime_s=1) for _ in range(8)], back_off.after(uptime_s=100)
    ([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0], 0.5)
    """

    failures: int = 0
    steady_s: float = STEADY_S

    def after(self, *, uptime_s: float) -> float:
        """Count a failure and give the delay in seconds."""
        self.failures = 1 if uptime_s >= self.steady_s else self.failures + 1
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self.failures - 1, 16))


class Supervisor:
    """Run one worker process for ever.

    Args:
        command: starts the worker; `--parent PID` and, when asked for, `--accept-gap` are added.
        files: the worker's folder.
        settings: where health is served while the worker may not run.
        accept_gap: let the worker go on where state and source do not meet, once.
        wait: waits for that many seconds, or until told to stop.
        back_off: how long that is.
    """

    def __init__(
        self,
        command: Sequence[str],
        files: Path,
        settings: Settings,
        *,
        accept_gap: bool = False,
        wait: Callable[[float], object] | None = None,
        back_off: BackOff | None = None,
    ) -> None:
        self._command = list(command)
        self._files = files
        self._settings = settings
        self._accept_gap = accept_gap
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._child: subprocess.Popen[bytes] | None = None
        self._back_off = back_off or BackOff()

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT.

        Returns:
            0 after a clean leave, 1 when the worker had to be killed.

        Raises:
            RefusedError: another worker uses the same folder, or it cannot be written.
        """
        try:
            self._files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RefusedError(
                f"{self._files} cannot be made ({error.strerror}): set AISLE_DATA_DIR to a folder that can be written."
            ) from None
        with (self._files / "lock").open("w") as lock:
            _lock(lock.fileno(), self._files)
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, self._signalled)
            (self._files / "gap-accepted").unlink(missing_ok=True)
            code = 0
            while not self._stop.is_set():
                code = self._once()
            # One that was still starting knows no better end, and has nothing to finish.
            return 0 if code in {0, -signal.SIGTERM} else 1

    def _once(self) -> int:
        began = time.monotonic()
        (self._files / "refused").unlink(missing_ok=True)
        self._child = subprocess.Popen(self._full_command(), start_new_session=True)  # noqa: S603  our own command
        if self._stop.is_set():
            self._child.terminate()
        code = self._child.wait()
        if self._stop.is_set():
            return code
        if code == REFUSED:
            self._stay(self._reason())
            return 0
        self._remember()
        delay_s = self._back_off.after(uptime_s=time.monotonic() - began)
        why = f"the worker ended with code {code}; starting it again in {delay_s:.1f} s"
        log.warning(why)
        try:
            with self._telling(why, {"starting": why}):
                self._wait(delay_s)
        except RefusedError as error:  # the port was taken meanwhile
            log.warning("nobody says so at /readyz: %s", error)
            self._wait(delay_s)
        return code

    def _full_command(self) -> list[str]:
        accept = self._accept_gap and not (self._files / "gap-accepted").exists()
        return [*self._command, "--parent", str(os.getpid()), *(["--accept-gap"] if accept else [])]

    def _remember(self) -> None:
        work = read_marker(self._files / "in-work")
        if work is None:
            return
        deaths = load_deaths(self._files / "deaths.json").after(work)
        try:
            save_deaths(self._files / "deaths.json", deaths)
        except OSError as error:  # a full disk: the worker is worth more than what it died of
            log.error("what the worker died on is not remembered: %s", error)  # noqa: TRY400  the sentence says it
        if deaths.skipped(work.partition, work.last):
            where = {"partition": work.partition, "offset": work.last}
            log.error(
                "partition %(partition)d: offset %(offset)d killed the worker three times, skipping it",
                where,
                extra=where,
            )

    def _reason(self) -> str:
        try:
            return (self._files / "refused").read_text().strip() or NO_REASON
        except FileNotFoundError:
            return NO_REASON

    def _stay(self, why: str) -> None:
        """Stay up, not ready: starting again would not help."""
        log.error("not started again: %s", why)
        gauge("refused", 1)
        with self._telling(why, {"refused": why}):
            self._stop.wait()

    @contextmanager
    def _telling(self, why: str, progress: dict[str, Any]) -> Iterator[None]:
        """Answer for the worker while there is none."""
        gauge("ready", 0)
        probes = Probes(alive=list, ready=lambda: [why], progress=lambda: {"ready": False, **progress})
        server = HealthServer(self._settings.http_host, self._port(), probes)
        server.start()
        try:
            yield
        finally:
            server.stop()

    def _port(self) -> int:
        if self._settings.http_port:
            return self._settings.http_port
        try:  # the free port the worker had told
            return int(json.loads((self._files / "status.json").read_text())["http"].rpartition(":")[2])
        except (OSError, ValueError, KeyError):
            return 0

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            timer = threading.Timer(self._settings.session_timeout_s + 10, self._child.kill)
            timer.daemon = True
            timer.start()


def _lock(file: int, files: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RefusedError(
            f"another worker uses {files}: give each one its own AISLE_WORKER_SLOT or AISLE_DATA_DIR"
        ) from None

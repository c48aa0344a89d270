"""One worker of the stage: a slot with a name of its own, a supervisor that keeps it running, and what can happen."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.brokers.child import dying_with_parent
from tests.faults.worker import ASK, DIGEST

STOP_S = 40.0


class Slot:
    """A worker slot. Start it from a thread that lives as long as it shall.

    Args:
        name: of the slot.
        folder: the installation's data directory.
        environment: of its processes.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.files = folder / f"worker-clicks-{name}"
        self._log = folder / f"{name}.log"
        self.environment = dict(environment)
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Tell whether the supervisor is there."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def start(self, *arguments: str, **environment: str) -> None:
        """Start the supervisor, with arguments that `aisle worker clicks` takes; the worker is not ready yet."""
        (self.files / "status.json").unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.supervisor", *arguments],
                env=os.environ | self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel
            )

    def pid(self) -> int | None:
        """Give the worker process while there is one."""
        if self._supervisor is None or self._supervisor.poll() is not None:
            return None
        number = self._supervisor.pid
        with contextlib.suppress(OSError, ValueError, IndexError):  # there is none between two lives
            return int(Path(f"/proc/{number}/task/{number}/children").read_text().split()[0])
        return None

    def signal(self, number: signal.Signals) -> bool:
        """Send the worker process a signal; False when there is none."""
        pid = self.pid()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def stopped(self) -> bool:
        """Tell whether the worker process stands still."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid()}/stat").read_text().rpartition(") ")[2].startswith("T")
        return False

    def kill(self) -> None:
        """Kill the worker process; its supervisor starts another."""
        self.signal(signal.SIGKILL)

    def stop(self) -> float:
        """Ask the supervisor to end.

        Returns:
            seconds until it had.

        Raises:
            AssertionError: it does not end.
        """
        assert self._supervisor is not None
        began = time.monotonic()
        self._supervisor.terminate()
        try:
            self._supervisor.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"worker {self.name} did not end within {STOP_S:.0f} s of SIGTERM") from None
        return time.monotonic() - began

    def kill_all(self) -> None:
        """Kill the supervisor and the worker: nobody comes back."""
        pid = self.pid()
        if self._supervisor is not None:
            self._supervisor.kill()
            self._supervisor.wait()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ready(self) -> bool:
        """Tell whether the worker that runs now says it is ready."""
        return bool(self.ask("/progress").get("ready"))

    def ask(self, page: str) -> dict[str, Any]:
        """Give what the worker that runs now answers; empty while none does."""
        try:
            status = json.loads((self.files / "status.json").read_text())
            if status["pid"] != self.pid():
                return {}
            with urllib.request.urlopen(status["http"] + page, timeout=2) as answer:
                return dict(json.loads(answer.read()))
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return {}

    def refusal(self) -> str:
        """Give the sentence a worker refused to start with; empty while it did not."""
        file = self.files / "refused"
        return file.read_text().strip() if file.exists() else ""

    def model(self) -> tuple[int, str] | None:
        """Ask the worker for its model's offset and digest; None when it does not answer in a moment."""
        file = self.files / DIGEST
        file.unlink(missing_ok=True)
        pid, until = self.pid(), time.monotonic() + 5
        self.signal(ASK)
        while time.monotonic() < until:
            if file.exists():
                told = json.loads(file.read_text())
                return (told["offset"], told["digest"]) if told["pid"] == pid else None
            time.sleep(0.01)
        return None

    def log(self, characters: int = 4000) -> str:
        """Give the end of what it logged."""
        return self._log.read_text(errors="replace")[-characters:] if self._log.exists() else ""

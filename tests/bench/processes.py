"""Child processes of the benchmark: started, waited for, measured, and gone at the end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.brokers.child import dying_with_parent, stop

HERE = Path(__file__).parent
OUTPUT = "out.log"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class FailedJobError(Exception):
    """A child process ended or did not get ready; carries the end of what it said."""


def says_ready(folder: Path) -> bool:
    """Look for the word in what a child wrote."""
    return "ready" in (folder / OUTPUT).read_text(errors="replace").split()


class Child:
    """One child process with a folder of its own (its AISLE_DATA_DIR); both end with the context.

    Args:
        command: arguments after the Python executable.
        environment: added to ours.
        ready: whether its folder shows that it is ready.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        ready: Callable[[Path], bool] = says_ready,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="aisle-bench-")
        self._path = Path(self._folder.name)
        self._command = command
        self._ready = ready
        with (self._path / OUTPUT).open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"AISLE_DATA_DIR": self._folder.name} | dict(environment or {}),
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel
            )

    @property
    def pid(self) -> int:
        """Give the process id."""
        return self._process.pid

    def said(self) -> str:
        """Give everything it wrote."""
        return (self._path / OUTPUT).read_text(errors="replace")

    def wait_ready(self, timeout_s: float = 90) -> None:
        """Wait until it is ready.

        Raises:
            FailedJobError: it ended, or took too long.
        """
        deadline = time.monotonic() + timeout_s
        while not self._ready(self._path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failed()
            time.sleep(0.1)

    def result(self, timeout_s: float) -> str:
        """Wait for its end and give the last line it wrote.

        Raises:
            FailedJobError: it failed.
        """
        if self._process.wait(timeout_s):
            raise self._failed()
        return self.said().splitlines()[-1]

    def _failed(self) -> FailedJobError:
        return FailedJobError(f"{' '.join(self._command)} failed; it said last: {self.said()[-2000:]}")

    @property
    def folder(self) -> Path:
        """Give its folder."""
        return self._path

    @property
    def running(self) -> bool:
        """Tell whether it runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it and what it started, as when a machine goes: nobody says goodbye."""
        # Those below first: a worker whose supervisor is gone leaves in good order.
        for pid in (*reversed(descendants(self.pid)), self.pid):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(10)

    def end(self, timeout_s: float = 60) -> float:
        """Ask it to end; gives how many seconds that took."""
        began = time.monotonic()
        self._process.terminate()
        if self._process.wait(timeout_s):
            raise self._failed()
        return time.monotonic() - began

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            FailedJobError: it ended.
        """
        if self._process.poll() is not None:
            raise self._failed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process, grace_s=20)
        self._folder.cleanup()


def cpu_s(pid: int) -> float:
    """Add up the CPU seconds of a process and its living descendants; 0 for one that is gone."""
    spent = 0.0
    for one in (pid, *descendants(pid)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / _TICKS
    return spent


def rss_bytes(pid: int | str = "self") -> int:
    """Give a process's resident memory, ours by default."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def peak_bytes(pid: int) -> int:
    """Give the most resident memory a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def open_files(pid: int) -> int:
    """Count the files and sockets a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def descendants(pid: int) -> list[int]:
    """Give what a process started and what those started, as far as it lives."""
    try:
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [one for child in children for one in descendants(child)]

"""Worker processes of a run: started together, stopped together, none left behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import RefusedError
from streams.brokers.child import dying_with_parent

_GRACE_S = 15
AISLE = (sys.executable, "-c", "from streams.cli.main import main; main()")


class Children:
    """`aisle` commands as child processes, each in its own process group, their output in a file each.

    Args:
        directory: where their output goes; removed when all went well.
        environment: set on top of this process's own; None takes a variable out.
        command: what the arguments are given to.
    """

    def __init__(
        self, directory: Path, environment: Mapping[str, str | None], *, command: Sequence[str] = AISLE
    ) -> None:
        self._command = command
        self._directory = directory
        merged = {**os.environ, **environment}
        self._environment = {name: value for name, value in merged.items() if value is not None}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Start `aisle ARGUMENTS`."""
        self.start_other(f"aisle {' '.join(arguments)}", [*self._command, *arguments], environment=environment)

    def start_other(self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        """Start another command, to be called by a name."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("wb") as output:
            self._running[name] = subprocess.Popen(  # noqa: S603  our own command
                command,
                env={**self._environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  nothing of Python runs between fork and exec
                start_new_session=True,  # Ctrl-C reaches this process alone, which stops them in order
            )

    def check(self) -> None:
        """Look after them.

        Raises:
            RefusedError: one has ended; with the last they said.
        """
        for name, code in self._ended():
            raise RefusedError(f"`{name}` ended with code {code}.\n{self.last_words()}")

    def bury(self) -> dict[str, str]:
        """Look after them where one may end and the others go on: give the last words of those that ended, once."""
        words = {name: f"`{name}` ended with code {code}.\n{self._words_of(name)}" for name, code in self._ended()}
        for name in words:
            del self._running[name]
        return words

    def last_words(self) -> str:
        """Give the last lines of each."""
        return "\n".join(map(self._words_of, self._running))

    def stop(self) -> None:
        """Ask them to end, then make them."""
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
            with suppress(ProcessLookupError):  # also what a worker that died left of its group
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _ended(self) -> list[tuple[str, int]]:
        polled = ((name, process.poll()) for name, process in self._running.items())
        return [(name, code) for name, code in polled if code is not None]

    def _words_of(self, name: str) -> str:
        return f"{name}:\n" + "\n".join(_tail(self._log(name)))

    def _log(self, name: str) -> Path:
        return self._directory / f"{name.replace(' ', '-')}.log"


def _tail(path: Path, lines: int = 12) -> Sequence[str]:
    with path.open(errors="replace") as file:
        return [line.rstrip() for line in deque(file, maxlen=lines)]

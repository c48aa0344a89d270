"""Leave before writing when the process was paused: it may have lost its partitions without knowing."""

import asyncio
import os
import time
from collections.abc import Callable

PAUSED = 75
"""Exit code: come back with clean state (EX_TEMPFAIL)."""


class Watchdog:
    """Notice a pause (SIGSTOP, a virtual machine moved, a call that held the interpreter) and exit.

    Args:
        limit_s: longest pause that is harmless: well under the group's session timeout.
        clock: monotonic seconds.
        leave: called with the exit code; must not return in earnest.
    """

    def __init__(
        self,
        limit_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._leave = leave
        self._last = clock()

    def start(self) -> None:
        """Look at the clock five times a second, in the running event loop."""
        self.check()
        asyncio.get_running_loop().call_later(0.2, self.start)

    def check(self) -> None:
        """Exit when nothing ran for longer than the limit."""
        now = self._clock()
        pause, self._last = now - self._last, now
        if pause > self._limit_s:
            os.write(2, b"watchdog: nothing ran for %d s, leaving before anything is written\n" % pause)
            self._leave(PAUSED)

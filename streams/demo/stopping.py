"""Ctrl-C and SIGTERM in a demo."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import RefusedError


class Stop:
    """What a signal does: asked for gently the shoppers leave and a summary follows; elsewhere everything is undone."""

    def __init__(self) -> None:
        self.asked = False
        self._gently = False

    def __call__(self, *_: object) -> None:
        """Take a signal."""
        if self.asked or not self._gently:
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Take the first signal as a wish."""
        self._gently = True
        yield
        self._gently = False


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Take both signals while it lasts.

    Raises:
        RefusedError: stopped before there was anything to sum up.
    """
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except KeyboardInterrupt:
        raise RefusedError("Stopped before there was anything to sum up.") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

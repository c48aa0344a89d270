"""Processes that end with the process that started them, however that one ends."""

import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dying_with_parent() -> Callable[[], None] | None:
    """Give a `preexec_fn` that has the kernel kill the child once its parent is gone; None outside Linux.

    The signal follows the parent *thread*: start such children from a thread that lives as long as they shall.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

    return ask


def stop(process: subprocess.Popen[bytes], *, grace_s: float = 10) -> None:
    """Ask a process to end, then make it."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    if process.poll() is None:
        process.kill()
    process.wait()

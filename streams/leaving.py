"""How a worker process ends when something is wrong: at once, with a code its supervisor understands."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from aiokafka.errors import KafkaError

from schemas.errors import RefusedError, RetryError
from streams.delivery import LostPartitionsError
from streams.watchdog import PAUSED

log = logging.getLogger(__name__)

FAILED = 70
"""Exit code of what was not expected (EX_SOFTWARE): start again, nothing was acknowledged."""

REFUSED = 78
"""Exit code of a refusal (EX_CONFIG): do not start again, say why."""

PR_SET_PDEATHSIG = 1


class Leave:
    """End the process: no clean-up, so that nothing more is written.

    Args:
        reason: file that takes the sentence of a refusal.
    """

    def __init__(self, reason: Path) -> None:
        self._reason = reason

    def __call__(self, error: BaseException) -> None:
        """Log the error and exit with the code it stands for."""
        code = self._code(error)
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)

    def _code(self, error: BaseException) -> int:
        if isinstance(error, RetryError):
            log.error("leaving, to try again: %s", error)
            return PAUSED
        if isinstance(error, RefusedError):
            log.error("refused: %s", error)
            with contextlib.suppress(OSError):  # on a full disk the log has to do
                self._reason.write_text(f"{error}\n")
            return REFUSED
        if isinstance(error, LostPartitionsError):
            log.warning("partitions were taken away in the middle of a batch, leaving")
            return PAUSED
        if isinstance(error, KafkaError) and error.retriable:
            log.error("the broker does not answer, leaving: %r", error)
            return PAUSED
        log.critical("unexpected, leaving", exc_info=error)
        return FAILED


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies (Linux; elsewhere a worker may outlive its supervisor).

    Args:
        parent: its process id; when it is gone already, leave at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(PAUSED)

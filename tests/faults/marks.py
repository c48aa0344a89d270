"""Marked points of a worker's work, at which it can be killed once.

Whoever wants it writes the mark's name and the visit at which it strikes into a file; the first worker that comes by
so often takes the file away, which no second one can, and dies. At two of them it stands still instead, so that it has
something in hand when others have its partitions.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

Mark = Literal[
    "before-output",
    "after-output",
    "before-states",
    "between-visitors",
    "before-watermark",
    "after-watermark",
    "restore",
    "assigned",
    "revoked",
]
"""In the order in which a batch passes them: it was found to be ours and is about to be sent; its outputs are
acknowledged; its states are about to be sent; some of its visitors are written; all of them, and the watermark is not;
all, and nothing is acknowledged. Then those outside of a batch: in the middle of a restore, and when partitions come
and go."""

MARKS: tuple[Mark, ...] = get_args(Mark)


class Marks:
    """One installation's marks.

    Args:
        folder: shared by its workers and whoever kills them.
        send: sends a signal to the process itself.
    """

    def __init__(self, folder: Path, *, send: Callable[[signal.Signals], object] | None = None) -> None:
        self._armed = folder / "mark"
        self._struck = folder / "mark.struck"
        self._send = send or (lambda number: os.kill(os.getpid(), number))
        self._visits = 0
        self._of: tuple[str, float] | None = None

    def arm(self, mark: Mark, *, visit: int = 1) -> None:
        """Let the next worker die that comes to this mark for the so-many-th time."""
        self._struck.unlink(missing_ok=True)
        fresh = self._armed.with_suffix(".new")
        fresh.write_text(f"{mark} {visit} {time.time_ns()}")
        fresh.replace(self._armed)

    def disarm(self) -> None:
        """Let nobody die after all."""
        self._armed.unlink(missing_ok=True)

    @property
    def struck(self) -> bool:
        """Tell whether somebody died since it was armed."""
        return self._struck.exists()

    def due(self, mark: Mark) -> bool:
        """Count a visit, and tell whether it is the one to die at."""
        try:
            name, visit, armed = self._armed.read_text().split()
        except FileNotFoundError:
            return False
        if name != mark:
            return False
        if self._of != (name, armed):
            self._of, self._visits = (name, armed), 0
        self._visits += 1
        return self._visits >= int(visit)

    def strike(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Die, or what the signal says, unless another worker was first."""
        try:
            self._armed.rename(self._struck)
        except FileNotFoundError:
            return
        self._send(number)

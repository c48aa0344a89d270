"""A disk without room under a worker's own files."""

import contextlib
import subprocess
from collections.abc import Callable
from random import Random

from tests.faults.fault import Simple
from tests.faults.slot import Slot
from tests.faults.stage import Stage

SIZE = "256k"
WRITTEN = ("in-work", "deaths.new", "status.json", "refused", "digest.new")
"""What a worker and its supervisor write."""

WORKS_WITHIN_S = 90.0


class DiskFull(Simple):
    """A worker is killed and comes back on a disk that has no byte left; it has to serve before there is room again.

    The disk is a small tmpfs over the worker's folder. Where none may be mounted, the files that it writes lead to
    `/dev/full`, which refuses every write in the same way.
    """

    name = "disk full"
    weight = 0.7

    def harm(self, stage: Stage, random: Random) -> None:
        """Leave no room, and kill the worker: its supervisor cannot write down what it died of."""
        self._slot = stage.pick(random)
        self._make_room = _mount(self._slot) or _lead_nowhere(self._slot)
        self._slot.kill()

    def mend(self, stage: Stage, random: Random) -> None:
        """Make room once it works, and let it begin anew: nobody is told its port yet."""
        try:
            stage.wait(lambda: self._slot.pid() is not None, "the worker is started again")
            stage.load.burst(random.randint(40, 120))
            bar = stage.load.ends()
            stage.wait(lambda: stage.lag.passed(bar), "the worker works on a full disk", WORKS_WITHIN_S)
        finally:
            self._make_room()
            self._slot.kill()
        stage.wait(self._slot.ready, "the worker is ready on a disk with room", WORKS_WITHIN_S)


def _mount(slot: Slot) -> Callable[[], object] | None:
    """Put a full disk over the worker's folder; give what takes it away, or None where mounting is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(slot.files)]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError), (slot.files / "fill").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    return lambda: subprocess.run(["umount", "-l", str(slot.files)], capture_output=True, check=True)


def _lead_nowhere(slot: Slot) -> Callable[[], object]:
    """Let every file of the worker's be one that takes no byte; give what takes them away."""
    links = [slot.files / name for name in WRITTEN]
    for link in links:
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/full")
    return lambda: [link.unlink(missing_ok=True) for link in links]

"""Files of the embedded index that hold something else."""

from pathlib import Path
from random import Random

from streams.adapters.opening import _place
from streams.settings import Settings
from tests.faults.fault import Simple
from tests.faults.stage import DIM, Stage

READY_WITHIN_S = 90.0


class IndexCorrupted(Simple):
    """A worker with an embedded Qdrant dies, and finds garbage in each of its files: the index is made again.

    The first time the files are another's from the start. One worker at a time has the index: its directory has one
    owner, and the others serve from memory.
    """

    name = "index corrupted"
    weight = 0.7

    def harm(self, stage: Stage, random: Random) -> None:
        """Stop the worker, spoil its files, start it again."""
        slot = next((one for one in stage.live if "AISLE_INDEX" in one.environment), None) or stage.pick(random)
        for other in stage.slots.values():
            other.environment.pop("AISLE_INDEX", None)
        slot.environment["AISLE_INDEX"] = "edge"
        slot.kill_all()
        folder = stage.folder / "index" / place(stage)
        (folder / "segments").mkdir(parents=True, exist_ok=True)
        (folder / "edge_config.json").touch()
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                _spoil(file, random)
        slot.start()
        self._slot = slot

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until it is ready: with all vectors, from the log."""
        stage.wait(self._slot.ready, "a worker whose index was spoiled is ready", READY_WITHIN_S)
        made = (stage.folder / "index" / place(stage) / "edge_config.json").read_bytes()
        assert made.startswith(b"{"), "the index was not made again"


def place(stage: Stage) -> str:
    """Name the directory of the stage's vectors."""
    return _place(Settings(_env_file=None, topic_prefix=stage.topics.prefix), DIM, "faults")


def _spoil(file: Path, random: Random) -> None:
    """Write garbage over a file, as long as it was or shorter."""
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.write(random.randbytes(min(size, 65536) or 16))
        opened.truncate(max(1, size // random.choice((1, 2))))

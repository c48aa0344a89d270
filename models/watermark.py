"""Which source records have been learned: at least once in the log, once in the model."""

import numpy as np

from models.items import State, packed, unpacked
from schemas.learning import Origin

Source = tuple[str, int, int]
"""Topic, partition and epoch: what offsets belong to."""


class Watermark:
    """Per source partition and epoch a low-water mark and the offsets seen above it.

    Offsets of one partition come almost in order; what comes twice comes within a batch or two of its first time. When
    more than twice `keep` offsets are held, the mark rises to leave the newest `keep`.

    Args:
        keep: offsets remembered above the mark.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.marks: dict[Source, int] = {}
        self.above: dict[Source, set[int]] = {}

    def take(self, origin: Origin) -> bool:
        """Mark a source record as learned; False when it was already.

        >>> mark = Watermark(keep=4)
        >>> origin = Origin(topic="clickstream.events", partition=0, offset=7)
        >>> mark.take(origin), mark.take(origin)
        (True, False)
        """
        source = (origin.topic, origin.partition, origin.epoch)
        above = self.above.setdefault(source, set())
        if origin.offset <= self.marks.get(source, -1) or origin.offset in above:
            return False
        above.add(origin.offset)
        if len(above) > 2 * self.keep:
            held = sorted(above)
            self.marks[source] = held[-self.keep - 1]
            self.above[source] = set(held[-self.keep :])
        return True

    def state(self) -> State:
        """Return what decides what is learned."""
        sources = sorted(self.above)
        offsets = [sorted(self.above[source]) for source in sources]
        return {
            "sources": packed([[*source, self.marks.get(source, -1)] for source in sources]),
            "counts": np.array([len(held) for held in offsets], np.int64),
            "offsets": np.array([offset for held in offsets for offset in held], np.int64),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        ends = np.cumsum(state["counts"])
        held = np.split(state["offsets"], ends[:-1]) if len(ends) else []
        for (topic, partition, *epoch, mark), offsets in zip(unpacked(state["sources"]), held, strict=True):
            source = (str(topic), int(partition), int(epoch[0]) if epoch else 0)
            self.above[source] = set(offsets.tolist())
            if mark >= 0:
                self.marks[source] = int(mark)

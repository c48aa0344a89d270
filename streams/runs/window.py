"""Lock-step: how far the sender may be ahead of the worker."""

from collections.abc import Mapping

AHEAD = 256
"""Events sent and not yet part of every state they touch, the model's included."""


class Window:
    """Counts what was sent per partition and what the worker has worked through.

    Offsets of a fresh topic with one writer are known in advance: the next event of a partition gets the next number.

    What a worker has applied and not yet written is in neither count that it gives, and is at most what was under way
    when it took it: so half the bound is given to what is known.

    Args:
        partitions: of the events topic.
        ahead: most events under way.
    """

    def __init__(self, partitions: int, *, ahead: int = AHEAD) -> None:
        self._known = ahead // 2
        self._sent = [0] * partitions
        self._behind = 0

    @property
    def room(self) -> int:
        """Give how many events may be sent now."""
        return max(0, self._known - self._behind)

    def send(self, partition: int) -> int:
        """Count one event sent; gives its offset."""
        offset = self._sent[partition]
        self._sent[partition] += 1
        self._behind += 1
        return offset

    def heard(self, *, marks: Mapping[int, int], unlearned: int) -> None:
        """Take the worker's progress.

        Args:
            marks: the last offset worked through, by partition; absent partitions have none.
            unlearned: steps in the learning log that the model has not applied.
        """
        under_way = sum(sent - 1 - marks.get(partition, -1) for partition, sent in enumerate(self._sent))
        self._behind = under_way + unlearned

    def done(self, committed: Mapping[int, int]) -> bool:
        """Say whether everything sent is worked through, written and, as far as was last heard, learned.

        Args:
            committed: the next offset a restart of the worker needs, by partition.
        """
        # A partition without events has committed nothing, whatever number stands for that.
        written = all(not sent or committed.get(partition, 0) >= sent for partition, sent in enumerate(self._sent))
        return written and self._behind == 0

"""Lock-step: how far the sender may be ahead of the worker."""

from collections.abc import Mapping

AHEAD = 256
"""Events sent and not yet part of every state they touch, the model's included."""


class Window:
    """Counts how far the log goes, by partition, and what the worker has worked through.

    Others may write there too. Where the log ends is known from the offsets of acknowledged events, and of others'
    that were read; what was sent and not acknowledged comes on top.

    What a worker has applied and not yet written is in neither count that it gives, and is at most what was under way
    when it took it: so half the bound is given to what is known.

    Args:
        partitions: of the events topic.
        ahead: most events under way.
    """

    def __init__(self, partitions: int, *, ahead: int = AHEAD) -> None:
        self._known = ahead // 2
        self._ends = [0] * partitions
        self._seen = [0] * partitions
        self._unacknowledged = [0] * partitions
        self._behind = 0

    @property
    def room(self) -> int:
        """Give how many events may be sent now."""
        return max(0, self._known - self._behind)

    def send(self, partition: int) -> int:
        """Count one event sent; gives the offset it will have if nobody else writes."""
        offset = self._end(partition)
        self._unacknowledged[partition] += 1
        self._behind += 1
        return offset

    def acknowledged(self, partition: int, offset: int) -> None:
        """Learn where the oldest event under way to a partition lies; they are acknowledged in order."""
        self._unacknowledged[partition] -= 1
        self._ends[partition] = offset + 1

    def seen(self, partition: int, offset: int) -> None:
        """Learn of an event that is there, whoever sent it."""
        self._seen[partition] = max(self._seen[partition], offset + 1)

    def heard(self, *, marks: Mapping[int, int], unlearned: int) -> None:
        """Take the worker's progress.

        Args:
            marks: the last offset worked through, by partition; absent partitions have none.
            unlearned: steps in the learning log that the model has not applied.
        """
        under_way = sum(max(0, end - 1 - marks.get(partition, -1)) for partition, end in enumerate(self._every_end()))
        self._behind = under_way + unlearned

    def done(self, committed: Mapping[int, int]) -> bool:
        """Say whether everything known of is worked through, written and, as far as was last heard, learned.

        Args:
            committed: the next offset a restart of the worker needs, by partition.
        """
        # A partition without events has committed nothing, whatever number stands for that.
        written = all(not end or committed.get(partition, 0) >= end for partition, end in enumerate(self._every_end()))
        return written and self._behind == 0

    def _every_end(self) -> list[int]:
        return [self._end(partition) for partition in range(len(self._ends))]

    def _end(self, partition: int) -> int:
        """Give the next offset of a partition, once all that was sent is there."""
        return max(self._ends[partition] + self._unacknowledged[partition], self._seen[partition])

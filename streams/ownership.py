"""Whose records a partition holds: a producer that hashes or keys otherwise leaves each worker half a session."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from schemas.record import MAX_ID_CHARS
from streams.flow import LogRecord

REMEMBERED_KEYS = 1 << 15
"""Hashing a key takes 5 us, looking it up 0.15; visitors come in runs of events. 6 MB."""

MAX_KEY_BYTES = 4 * MAX_ID_CHARS
"""A longer key is no visitor's: neither hashed nor remembered."""

NOBODY = -1


def owner_of(partition_of: Callable[[bytes, int], int], partitions: int) -> Callable[[bytes], int]:
    """Make the function that gives a visitor's partition.

    Args:
        partition_of: the partitioner of all producers.
        partitions: of the topic.

    Returns:
        a function of a key, 0..partitions - 1; -1 for a key that can be no visitor's.
    """

    @lru_cache(REMEMBERED_KEYS)
    def remembered(key: bytes) -> int:
        return partition_of(key, partitions)

    return lambda key: remembered(key) if len(key) <= MAX_KEY_BYTES else NOBODY


def strangers(
    records: Sequence[LogRecord], visitors: Iterable[bytes], *, partition: int, owner: Callable[[bytes], int]
) -> int:
    """Count what does not belong to a partition: every record by its key, and the visitors that no key named.

    The second finds records without a key, or keyed by a session, say: their visitors are in several partitions.

    Args:
        records: of one partition.
        visitors: whose state the records changed.
        partition: where they stand.
        owner: gives a key's partition.
    """
    keys = [record.key for record in records if record.key is not None]
    unnamed = set(visitors).difference(keys)
    return sum(owner(key) != partition for key in keys) + sum(owner(visitor) != partition for visitor in unnamed)

"""How many tables there may be: all workers hold all of them, and the judge makes no more either."""

from collections import Counter
from collections.abc import Collection, Sequence

from streams.asking import REQUEST_PARTITIONS
from streams.judging.keys import MAX_LIVE
from streams.kafka import partition_of
from streams.precompute.estimate import Want

MOST_TABLES = MAX_LIVE * REQUEST_PARTITIONS
"""In an installation, evenly by partition of the requests."""


def with_room(wants: Sequence[Want], live: Collection[bytes]) -> list[Want]:
    """Leave out tables that there is no room for; who comes first has it.

    Args:
        wants: what is wanted for each key, what matters most first.
        live: keys that have a table, as on the topic.
    """
    taken = Counter(map(_partition, live))
    kept = []
    for want in wants:
        name = want.key.encode()
        if want.missing and name not in live:
            if taken[_partition(name)] >= MAX_LIVE:
                continue
            taken[_partition(name)] += 1
        kept.append(want)
    return kept


def _partition(name: bytes) -> int:
    return partition_of(name, REQUEST_PARTITIONS)

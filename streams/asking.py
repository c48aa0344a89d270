"""Ask for judgements that a slate lacks: what is asked, how often, and on which record."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime

from models.intent import JudgementKey
from models.judgements import Judged, Judgements
from schemas.judgements import JudgementRequest
from schemas.record import epoch_ms
from schemas.topics import JUDGEMENT_REQUESTS
from streams.deciding import Occasion
from streams.flow import Out
from streams.kafka import partition_of

REQUEST_PARTITIONS = 4

FIRST_ASKERS = 3
"""The first distinct visitors of a key all ask: the judge waits for so many."""

AGAIN_MS = 1000
"""After them a key is asked for once in so long: all that is asked meanwhile would be judged together anyway."""

KEYS = 10_000
"""Keys remembered, the latest."""


class Asking:
    """Requests of one worker.

    >>> asking = Asking()
    >>> [asking.wants(b"k", visitor, at_ms) for visitor, at_ms in [("a", 0), ("a", 1), ("b", 2), ("c", 3), ("d", 900)]]
    [True, False, True, True, False]
    >>> asking.wants(b"k", "d", 1003)
    True
    """

    def __init__(self) -> None:
        self._asked: OrderedDict[bytes, tuple[frozenset[str], int]] = OrderedDict()

    def wants(self, key: bytes, asker: str, now_ms: int) -> bool:
        """Say whether a key is to be asked for now, and take note of it if so; a clock that is set back asks again."""
        askers, last_ms = self._asked.get(key, (frozenset(), now_ms - AGAIN_MS))
        another = asker not in askers and len(askers) < FIRST_ASKERS
        if not another and abs(now_ms - last_ms) < AGAIN_MS:
            return False
        self._asked[key] = (askers | {asker} if another else askers), now_ms
        self._asked.move_to_end(key)
        if len(self._asked) > KEYS:
            self._asked.popitem(last=False)
        return True

    def requests(
        self,
        occasion: Occasion,
        judged: Judged,
        judgements: Judgements,
        *,
        slate_id: str,
        now: datetime,
        deadline_at: datetime | None,
    ) -> Iterator[Out]:
        """Write the requests for one slate: what calls there are follows the keys, not the traffic.

        Everybody's key, or a slate's only one, is asked for until it covers what comes; a finer one beside it once, for
        the candidates of its first visitors: what its table lacks, the other has.

        Args:
            occasion: what the slate was decided for.
            judged: what was found for its candidates.
            judgements: as they stand.
            slate_id: names the slate.
            now: when it was decided.
            deadline_at: until when it waits; None when it is covered.
        """
        for key in judged.keys:
            fills = key.coarse or len(judged.keys) == 1
            if deadline_at is None if fills else judgements.has(key):
                continue
            name, asker = key.encode(), asker_of(occasion.event.visitor_id, key)
            if not self.wants(name, asker, epoch_ms(now)):
                continue
            request = JudgementRequest(
                segment=key.segment,
                intent=key.intent,
                product_ids=tuple(judgements.items(judged.best)),
                asker=asker,
                slate_id=slate_id,
                deadline_at=deadline_at,
                at=now,
            )
            partition = partition_of(name, REQUEST_PARTITIONS)
            yield Out(JUDGEMENT_REQUESTS, partition, name, request.encode(), occasion.cause.offset)


def asker_of(visitor_id: str, key: JudgementKey) -> str:
    """Tell visitors of one key apart: hashed with the key, so that nobody can be followed from one key to another."""
    salted = key.encode() + b"\0" + visitor_id.encode()
    return hashlib.blake2b(salted, digest_size=8).hexdigest()

"""Who is forgotten, as workers write it down."""

from schemas.erasures import Erasure
from schemas.learning import Origin
from schemas.record import from_epoch_ms
from tests.slates_held import NOON_MS


def erasure(visitor: str, *, offset: int, partition: int = 0, at_ms: int = NOON_MS) -> Erasure:
    """Write down who is forgotten, by the event at an offset."""
    origin = Origin(topic="clickstream.events", partition=partition, offset=offset)
    return Erasure(subject="visitor", subject_id=visitor, until=from_epoch_ms(at_ms), origin=origin)

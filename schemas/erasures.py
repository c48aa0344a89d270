"""Who asked to be forgotten: the records on `erasures`."""

from datetime import datetime
from typing import Literal

from schemas.learning import LearningStep, Origin
from schemas.record import Id, Record, Timestamp

Subject = Literal["visitor", "user"]


class Erasure(Record):
    """What carries this visitor or user id and arrived up to `until` must not be used again.

    Who returns later is new: nothing after `until` is concerned. `origin` is the `forget` event, which for a visitor
    says exactly where its partition's erased part ends.
    """

    subject: Subject
    subject_id: Id
    until: Timestamp
    origin: Origin

    def key(self) -> bytes:
        """Give the record's key: visitors and users may bear the same id.

        >>> from schemas.learning import Origin
        >>> origin = Origin(topic="clickstream.events", partition=0, offset=7)
        >>> Erasure(subject="user", subject_id="u-17", until="2026-05-01T12:00:00Z", origin=origin).key()
        b'user:u-17'
        """
        return f"{self.subject}:{self.subject_id}".encode()


def erasures_of(step: LearningStep, *, until: datetime) -> list[Erasure]:
    """Write down whom a `forget` step erases: the visitor, and the user they are or name.

    Args:
        step: of kind `forget`.
        until: when the event arrived.
    """
    subjects: list[tuple[Subject, str | None]] = [("visitor", step.visitor_id), ("user", step.user_id)]
    return [
        Erasure(subject=subject, subject_id=name, until=until, origin=step.origin)
        for subject, name in subjects
        if name is not None
    ]

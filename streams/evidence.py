"""Keep what no log can give back later of a decided slate."""

import orjson

from schemas.slates import Evidence, SlateHead
from streams.deciding import Answers


def evidence_of(head: SlateHead, state: bytes | None, answers: Answers) -> Evidence:
    """Write a slate's evidence.

    Args:
        head: the slate.
        state: the visitor's just after the event, as encoded; None without consent.
        answers: what the index said.
    """
    return Evidence(
        slate_id=head.slate_id,
        visitor_id=head.visitor_id,
        state=None if state is None else orjson.loads(state),
        content=answers.content,
        anchored=answers.anchored,
        cold=answers.cold,
        timed_out=answers.timed_out,
        at=head.event_at,
        decided_at=head.decided_at,
    )

"""The size of a visitor: bounded whatever is sent."""

from dataclasses import replace

import orjson

from models.session_rules import SessionRules
from models.visitor import Session, Visitor
from models.visitor_codec import encode

FIXED_BYTES = 1400
"""Everything but lists, landing, search and user: names, counters, event hashes."""

STEP_BYTES, SEEN_BYTES, ENTRY_BYTES, TIME_BYTES = 60, 55, 30, 7
"""Most bytes of one entry beside its id, and of a time within the last minute."""


def bounded(visitor: Visitor, rules: SessionRules) -> Visitor:
    """Hold a visitor to its largest encoded size: of the longest list the oldest entries go, until the rest fits."""
    if _surely_fits(visitor, rules):
        return visitor
    while (excess := len(encode(visitor)) - rules.max_bytes) > 0:
        smaller = _trimmed(visitor, excess)
        if smaller == visitor:
            if visitor.more is None:
                break
            smaller = replace(visitor, more=None)  # whoever wrote so much has to bound it; the limit holds for all
        visitor = smaller
    return visitor


def _surely_fits(visitor: Visitor, rules: SessionRules) -> bool:
    """Spare ordinary visitors the encoding, by an upper bound; JSON needs at most 6 bytes for a character."""
    session, shown, entries = visitor.session, visitor.shown, visitor.profile.entries
    steps = session.steps if session else ()
    most = FIXED_BYTES + STEP_BYTES * len(steps) + SEEN_BYTES * len(shown) + ENTRY_BYTES * len(entries)
    most += TIME_BYTES * (len(visitor.rates.views) + len(visitor.rates.triggers))
    if most > rules.max_bytes or visitor.more:
        return False
    ids = "".join([step.product_id for step in steps])
    ids += "".join([seen.product_id for seen in shown])
    ids += "".join([entry.product_id for entry in entries])
    most += (2 if ids.isascii() else 4) * len(ids) + 4 * len(visitor.user_id or "")
    return most + (_texts(session) if session else 0) < rules.max_bytes


def _texts(session: Session) -> int:
    landing = session.landing.__dict__.values() if session.landing else ()
    return 6 * (len(session.query or "") + sum(len(value) for value in landing if isinstance(value, str)))


def _trimmed(visitor: Visitor, excess: int) -> Visitor:
    """Drop about `excess` bytes, but no more than half, from the oldest end of the longest list."""
    session, shown, entries = visitor.session, visitor.shown, visitor.profile.entries
    steps = session.steps if session else ()
    sizes = [[len(orjson.dumps(tuple(row))) for row in rows] for rows in (steps, shown, entries)]
    longest = max(range(3), key=lambda which: sum(sizes[which]))
    drop, most = 0, (len(sizes[longest]) + 1) // 2
    while drop < most and excess > 0:
        excess -= sizes[longest][drop]
        drop += 1
    if longest == 0 and session:
        kept = steps[drop:]
        awaits = session.awaits if kept else 0
        return replace(visitor, session=session._replace(steps=kept, open=min(session.open, len(kept)), awaits=awaits))
    if longest == 1:
        return replace(visitor, shown=shown[drop:])
    return replace(visitor, profile=visitor.profile._replace(entries=entries[drop:]))

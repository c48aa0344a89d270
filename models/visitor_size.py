"""The size of a visitor: bounded whatever is sent."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from models.session_rules import SessionRules
from models.visitor import Session, Visitor
from models.visitor_codec import encode

FIXED_BYTES = 2400
"""Everything but lists, landing, search and user: names, counters, rates at their limits, event hashes."""

STEP_BYTES, SEEN_BYTES, ENTRY_BYTES = 75, 65, 40
"""Most bytes of one entry beside its id."""


def bounded(visitor: Visitor, rules: SessionRules) -> Visitor:
    """Hold a visitor to its largest encoded size: of the longest list the oldest entries go, until the rest fits."""
    if _surely_fits(visitor, rules):
        return visitor
    while (excess := len(encode(visitor)) - rules.max_bytes) > 0:
        visitor = _trimmed(visitor, excess)
    return visitor


def _surely_fits(visitor: Visitor, rules: SessionRules) -> bool:
    """Spare ordinary visitors the encoding, by an upper bound; JSON needs at most 6 bytes for a character."""
    session, shown, entries = visitor.session, visitor.shown, visitor.profile.entries
    steps = session.steps if session else ()
    most = FIXED_BYTES + STEP_BYTES * len(steps) + SEEN_BYTES * len(shown) + ENTRY_BYTES * len(entries)
    ids = "".join([step.product_id for step in steps])
    ids += "".join([seen.product_id for seen in shown])
    ids += "".join([entry.product_id for entry in entries])
    most += (2 if ids.isascii() else 4) * len(ids) + 4 * len(visitor.user_id or "")
    return most + (_texts(session) if session else 0) < rules.max_bytes


def _texts(session: Session) -> int:
    landing = session.landing.__dict__.values() if session.landing else ()
    return 6 * (len(session.query or "") + sum(len(value) for value in landing if isinstance(value, str)))


def _trimmed(visitor: Visitor, excess: int) -> Visitor:
    """Drop at least one entry, and about `excess` bytes, from the oldest end of the longest list."""
    session = visitor.session
    steps = session.steps if session else ()
    lists: dict[str, Sequence[tuple[object, ...]]] = {
        "steps": steps,
        "shown": visitor.shown,
        "entries": visitor.profile.entries,
    }
    sizes = {name: [len(orjson.dumps(tuple(row))) for row in rows] for name, rows in lists.items()}
    longest = max(sizes, key=lambda name: sum(sizes[name]))
    drop = 0
    while drop < len(sizes[longest]) and (excess > 0 or not drop):
        excess -= sizes[longest][drop]
        drop += 1
    if longest == "steps" and session:
        return replace(visitor, session=session._replace(steps=steps[drop:], open=min(session.open, len(steps) - drop)))
    if longest == "shown":
        return replace(visitor, shown=visitor.shown[drop:])
    return replace(visitor, profile=visitor.profile._replace(entries=visitor.profile.entries[drop:]))

"""A slate decided again, from its event, its evidence and the world at its lineage."""

from typing import NamedTuple

import orjson

from models.context import bare_context, context_of, moment_of
from models.features import Candidates, score
from models.knowledge import Knowledge
from models.retrieval import Retrieved, retrieve
from models.session import Context, SessionRules, Visitor, decode_visitor
from models.visitor import Session
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.record import epoch_ms
from schemas.slates import Evidence, Slate
from streams.deciding import Answers, ClicksRules, Decided, Occasion, answered, decided, imported, origin_of
from streams.flow import LogRecord


class Recorded(NamedTuple):
    """A slate with everything that no log of the world gives back."""

    slate: Slate
    event: Event
    context: Context
    found: Retrieved | None


class Found(NamedTuple):
    """What a slate is decided from, once more."""

    retrieved: Retrieved
    candidates: Candidates
    decided: Decided


def rules_of(record: LogRecord, rules: SessionRules) -> SessionRules:
    """Give the session rules that an event is applied with."""
    return imported(rules) if origin_of(record) == "import" else rules


def context_after(visitor: Visitor | None, event: Event, rules: SessionRules) -> Context:
    """Derive the context that slates are decided from, out of the state just after an event in its order."""
    if visitor is None:
        return bare_context(event)
    session = visitor.session or Session("", visitor.clock_ms, visitor.clock_ms)
    return context_of(event.visitor_id, moment_of(visitor, session, epoch_ms(event.at)), rules)


def state_of(evidence: Evidence) -> Visitor | None:
    """Read the visitor's state just after the event.

    Raises:
        DecodeError: another build wrote it.
    """
    return None if evidence.state is None else decode_visitor(orjson.dumps(evidence.state))


def recorded_answers(evidence: Evidence) -> Answers:
    """Read what the index answered, by name."""
    return Answers(evidence.content, evidence.anchored, evidence.cold, evidence.timed_out)


def answers_of(evidence: Evidence, knowledge: Knowledge) -> Retrieved:
    """Give what the index answered, as rows of this world's fact table."""
    return answered(recorded_answers(evidence), knowledge)


def decide_again(recorded: Recorded, knowledge: Knowledge, rules: ClicksRules) -> Found:
    """Decide a slate once more; the world stands at the slate's lineage.

    Raises:
        DecodeError: this build has no such placement.
    """
    slate, event, context, answers = recorded
    placement = next((one for one in rules.placements if one.name == slate.placement), None)
    if placement is None:
        raise DecodeError("schema", f"Slate.placement: this build has no placement {slate.placement}")
    retrieved = retrieve(context, event, knowledge, recorded=answers)
    candidates = score(retrieved.found, context, knowledge)
    occasion = Occasion(event, context, slate.cause)
    again = decided(
        occasion, placement, candidates, knowledge, rules.slates, decided_at=slate.decided_at, revision=slate.revision
    )
    return Found(retrieved, candidates, again)


def written(slate: Slate, again: Decided) -> bytes:
    """Write the slate as the worker would have; lineage and cause are what it was decided from."""
    return again.encode(lineage=orjson.Fragment(slate.lineage.encode()), cause=orjson.Fragment(slate.cause.encode()))

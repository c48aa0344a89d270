"""The clicks agent: one visitor event in; state, learning and slates out.

Per record: decode, update the visitor's session context, append what should be learned, and decide a slate for every
placement the event triggers. No Kafka here: `streams.worker` brings the records and writes what comes out.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from models.explore import explored_rank
from models.exposure import ranks_on
from models.features import score
from models.pairing import REWARDED_MS
from models.pools import Pools
from models.retrieval import newest, retrieve
from models.session import Applied, Context, Visitor, apply, decode_visitor, encode
from models.training import RowBudget, choice, learnable, sampled, told_with, training_row
from schemas.erasures import erasures_of
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.learning import LearningStep, Origin, TrainingRow
from schemas.record import epoch_ms, nearest_time
from schemas.slates import Cause
from schemas.topics import CHANGELOG, ERASURES, EVENTS, EVIDENCE, LEARNING, SLATES
from streams import dead_letters
from streams.deciding import ClicksRules, Occasion, answers_in, decided, due, event_of, imported, origin_of
from streams.evidence import evidence_of
from streams.flow import LogRecord, Out, Outcome
from streams.partitions import PartitionState
from streams.requeued import letter_of
from streams.revisions import Revisions, Served
from streams.telemetry import count
from streams.unreadable import unreadable
from streams.world import World


class ClicksAgent:
    """Handle batches of one partition's records.

    Args:
        world: the folds all workers share; constant while a batch is handled.
        rules: constants.
        clock: tells when a slate is decided (recorded, never used to decide).
        rows: allows training rows; by `rules` where absent.
    """

    def __init__(
        self, world: World, rules: ClicksRules, *, clock: Callable[[], datetime], rows: RowBudget | None = None
    ) -> None:
        self._world = world
        self._rules = rules
        self._imported = imported(rules.session)
        self._rows = rows or RowBudget(rules.training_per_s)
        self._clock = clock
        self._lineage = orjson.Fragment(b"{}")
        self.revisions = Revisions(world, rules, clock=clock)

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Apply records in offset order to the partition's state.

        Args:
            records: of one partition, ascending offsets; those at or below `part.mark` were applied before.
            part: the partition's state; changed in place, nothing of it before the batch is worked through is written.

        Returns:
            what must be written: outputs first, then the touched visitors.
        """
        self._lineage = orjson.Fragment(self._world.lineage().encode())  # constant while a piece is handled
        outcome = Outcome()
        visitors: dict[bytes, Visitor | None] = {}
        for record in records:
            if record.offset > part.mark:
                self._one(record, part, visitors, outcome)
                part.mark = record.offset
        for key, visitor in visitors.items():
            data = None if visitor is None else encode(visitor)
            outcome.touched[key] = data
            part.put(key, data)
        part.sweep.after(part.visitors, outcome.touched, records=len(records), rules=self._rules.session)
        return outcome

    def _one(
        self, record: LogRecord, part: PartitionState, visitors: dict[bytes, Visitor | None], outcome: Outcome
    ) -> None:
        try:
            event = event_of(record)
        except DecodeError as error:
            count("dead_letters", reason=error.reason)
            outcome.outputs.append(refused(record, error))
            return
        letter = letter_of(record.headers) if record.headers else None
        if letter is not None:
            again = part.requeued.again(letter, record.offset)
            count("requeued", outcome="again" if again else "taken")
            if again:
                return
            outcome.entries |= part.requeued.take(letter, record)
        key = event.visitor_id.encode()
        before = visitors[key] if key in visitors else stored(part, key)
        source = Origin(topic=EVENTS, partition=record.partition, offset=record.offset, epoch=part.epoch)
        item_of = self._world.knowledge.catalogue.item_of
        rules = self._imported if origin_of(record) == "import" else self._rules.session
        applied = apply(before, event, origin=source, item_of=item_of, rules=rules)
        count("events", note=applied.note)
        self.revisions.heard(event, applied.step.user_id if applied.step else None)
        if applied.changed:
            visitors[key] = applied.visitor
        if applied.step is not None:
            outcome.outputs.append(self._learn(record, event, applied, applied.step))
            if applied.step.kind == "forget":
                outcome.outputs.extend(_erasures(record, applied.step))
        if applied.triggers and letter is None:  # nobody waits for the answer to what was sent again
            outcome.outputs.extend(self._slates(record, event, applied, part))

    def _learn(self, record: LogRecord, event: Event, applied: Applied, step: LearningStep) -> Out:
        context, knowledge = applied.context_before, self._world.knowledge
        chosen = choice(step, context)
        row = None
        if chosen and sampled(event.event_id, self._rules.training_share) and self._rows.take(record.timestamp_ms):
            row = self._row(event, applied, chosen)
        more = {"row": row, **told_with(step, applied, knowledge), **self._explored(event, context)}
        return Out(LEARNING, 0, None, step.model_copy(update=more).encode(), record.offset)

    def _row(self, event: Event, applied: Applied, chosen: Sequence[str]) -> TrainingRow | None:
        """Describe what was chosen; from a slate, with the places it had and weighed by how rarely they are seen."""
        context, knowledge, shown = applied.context_before, self._world.knowledge, event.shown
        found = learnable(retrieve(context, event.model_copy(update={"items": ()}), knowledge).found)
        if shown is None or shown.rank is None:
            return training_row(chosen, found, context, knowledge, event_id=event.event_id)
        seen = ranks_on(shown.slate_id, applied.before.shown if applied.before else ())
        return training_row(
            chosen, found, context, knowledge, event_id=event.event_id,
            slate=seen | {event.items[0].product_id: shown.rank},
            weight=knowledge.model.examination.weight(shown.rank),
        )  # fmt: skip

    def _explored(self, event: Event, context: Context) -> dict[str, Any]:
        """Name the pool and rank of an explored product that was seen, or clicked within half an hour of being seen."""
        shown = event.shown
        placement = next((p for p in self._rules.placements if shown and p.name == shown.placement), None)
        if shown is None or placement is None or not placement.explores:
            return {}
        rank = explored_rank(shown.slate_id, placement.size)
        place = rank - (shown.rank or 1)
        if not 0 <= place < len(event.items):
            return {}
        product_id, knowledge = event.items[place].product_id, self._world.knowledge
        if event.name != "impression":
            _, seen_ms, clicked = context.shown.get(product_id, (0, 0, True))
            if clicked or epoch_ms(event.at) - seen_ms > REWARDED_MS:
                return {}
        row = knowledge.facts.row_of(product_id)
        pools = Pools(context.views, newest(event.at, knowledge).ids, knowledge)
        return {"explored": pools.of(np.array([row], np.int32))[0], "rank": rank} if row else {}

    def _slates(self, record: LogRecord, event: Event, applied: Applied, part: PartitionState) -> Iterator[Out]:
        """Decide a slate for each placement the event triggers; candidates are found and scored once for all."""
        # What stands in the output's tail was written before a crash.
        wanted = [
            placement
            for placement in due(event, self._rules.placements)
            if (record.offset, placement.name) not in part.emitted
        ]
        if not wanted:
            return
        context, knowledge = applied.context, self._world.knowledge
        retrieved = retrieve(context, event, knowledge)
        for source in retrieved.timed_out:
            count("timed_out", source=source)
        candidates = score(retrieved.found, context, knowledge)
        cause = Cause(
            topic=EVENTS, partition=record.partition, offset=record.offset, epoch=part.epoch, event_id=event.event_id
        )
        occasion, written = Occasion(event, context, cause), orjson.Fragment(cause.encode())
        key = event.visitor_id.encode()
        for placement in wanted:
            slate = decided(occasion, placement, candidates, knowledge, self._rules.slates, decided_at=self._clock())
            data = slate.encode(lineage=self._lineage, cause=written)
            yield Out(SLATES, record.partition, key, data, record.offset, placement.name)
            count("slates", placement=placement.name)
            state = applied.visitor if context.consent else None
            if sampled(slate.head.slate_id, self._rules.evidence_share):
                answers = answers_in(retrieved, knowledge)
                evidence = evidence_of(slate.head, None if state is None else encode(state), answers)
                yield Out(EVIDENCE, record.partition, key, evidence.encode(), record.offset)
            if placement.name in self._rules.judged_placements:
                served = Served(slate, placement, occasion, retrieved, candidates.judged, state)
                yield from self.revisions.served(served, asks=origin_of(record) is None)


def _erasures(record: LogRecord, step: LearningStep) -> list[Out]:
    found = erasures_of(step, until=nearest_time(record.timestamp_ms))
    return [Out(ERASURES, 0, one.key(), one.encode(), record.offset) for one in found]


def refused(record: LogRecord, error: DecodeError, *, attempts: int = 1) -> Out:
    """Make the dead letter of a record of `clickstream.events`."""
    return dead_letters.refused(EVENTS, record, error, attempts=attempts)


def stored(part: PartitionState, key: bytes) -> Visitor | None:
    """Read a visitor's state; one that cannot be read starts anew (a restore refuses whole versions)."""
    data = part.visitors.get(key)
    try:
        return None if data is None else decode_visitor(data)
    except DecodeError as error:
        unreadable(CHANGELOG, str(error), partition=part.partition)
        return None

"""What the console knows, in one place: fed by the tail, asked by the pages."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from schemas.erasures import Erasure
from schemas.record import epoch_ms
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, EVIDENCE, SLATES, TopicName
from streams.console.committed import Committed
from streams.console.course import Course, named
from streams.console.coverage import Coverage, Refusals, spent_usd
from streams.console.following import Following
from streams.console.in_force import InForce
from streams.console.recent import Recent
from streams.console.roster import SIMULATED, Active, Roster
from streams.console.scraping import Scraping
from streams.console.shortening import Handles, shortened
from streams.console.tail import Tail, Tailed
from streams.console.telling import Teller
from streams.console.told import VisitorTold
from streams.follower import Follower
from streams.gateway.erasure_log import ErasuresFold
from streams.gateway.followed import Followed
from streams.kafka import partition_of
from streams.settings import Settings
from streams.web.service import Service
from streams.web_settings import listed

LISTED = 40
NAMED = 20_000
TAILED: tuple[TopicName, ...] = (EVENTS, SLATES, EVIDENCE, CHANGELOG, EVENTS_DEAD)


class Watching:
    """The console's knowledge of an installation.

    Args:
        settings: the installation's, of the generation in force.
        client: keyword arguments that every aiokafka client takes.
    """

    def __init__(self, settings: Settings, client: Mapping[str, Any]) -> None:
        self._settings = settings
        self.lookers = 0
        self.roster = Roster()
        self._course = Course()
        self._coverage = Coverage(settings.judged)
        self._refusals = Refusals()
        self._handles = Handles()
        self._named: OrderedDict[str, str] = OrderedDict()
        self._teller = Teller(settings)
        self._following = Following(settings, client)
        self._in_force = InForce(settings, client)
        self._tail = Tail(
            client, settings.topics, wanted=TAILED, take=self.take, skipped=self._skipped,
            watched=self.roster.watched_partitions,
        )  # fmt: skip
        self._committed = Committed(settings, client, lambda: self._tail.ends)
        self._erasures = Followed(
            Follower(ErasuresFold(self._erase), client=client, topics=settings.topics, strict=False), what="erasures"
        )
        self._scraping = Scraping(listed(settings.console_metrics), lambda: self.lookers > 0)
        self._figures: tuple[int, dict[str, Any]] | None = None

    @property
    def services(self) -> tuple[Service, ...]:
        """Give what works beside the requests."""
        return self._tail, self._following, self._erasures, self._in_force, self._committed, self._scraping

    def take(self, one: Tailed) -> None:
        """Take a record of the tail."""
        topic, partition, record = one
        if topic == EVENTS_DEAD:
            self._refusals.take(record.value, record.timestamp)
            return
        if topic == EVENTS:
            self._course.event(partition, record.offset, record.timestamp)
        elif topic == SLATES and (slate := named(record.value)) is not None:
            self._course.slate(partition, slate, record.timestamp)
            self._coverage.take(slate.placement, slate.revision, record.value, record.timestamp)
        self.roster.take(topic, partition, record)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Say that somebody looks meanwhile."""
        self.lookers += 1
        try:
            yield
        finally:
            self.lookers -= 1

    def figures(self) -> dict[str, Any]:
        """Give the installation's figures, worked out once a second however many look."""
        now_s = int(time.time())
        if self._figures is None or self._figures[0] != now_s:
            self._figures = now_s, self._now(now_s)
        return self._figures[1]

    def visitors(self, own: str | None = None) -> list[dict[str, Any]]:
        """List who was active last, without their ids; `own` is the visitor of the browser that asks."""
        found = self.roster.newest(LISTED)
        if own is not None and (active := self.roster.get(own)) is not None:
            found = [active, *(one for one in found if one is not active)]
        return [
            {
                "handle": self.name(one.visitor_id),
                "short": shortened(one.visitor_id),
                "simulated": SIMULATED.fullmatch(one.visitor_id) is not None,
                "own": one.visitor_id == own,
                "last_ms": one.last_ms,
                "events": one.count,
            }
            for one in found
        ]

    def name(self, visitor_id: str) -> str:
        """Give the name that a visitor has on the pages."""
        handle = self._handles.of(visitor_id)
        self._named[handle] = visitor_id
        self._named.move_to_end(handle)
        if len(self._named) > NAMED:
            self._named.popitem(last=False)
        return handle

    def visitor_of(self, handle: str) -> str | None:
        """Give the id behind a name that was given before."""
        return self._named.get(handle)

    def partition_of(self, visitor_id: str) -> int:
        """Say which partition a visitor's records are in."""
        return partition_of(visitor_id.encode(), self._settings.partitions)

    async def tell(self, active: Active, shelf: str | None) -> VisitorTold:
        """Tell a visitor from what was read so far."""
        copied = {name: type(records)(records, records.maxlen) for name, records in _records_of(active).items()}
        still, why_not = replace(active, **copied), self._why_not()
        return await self._following.tell(lambda world: self._teller.tell(Recent(still), world, why_not, shelf))

    def told_with(self) -> dict[str, Any]:
        """Say how whole the world is that slates are told with."""
        return {"ready": self._following.ready, "unlearned": self._following.unlearned}

    def _erase(self, erasure: Erasure) -> None:
        if erasure.subject == "visitor":
            self.roster.erase(erasure.subject_id, epoch_ms(erasure.until))

    def _why_not(self) -> str:
        """Say why slates cannot be told now; nothing where they can."""
        return "".join(self._in_force.stuck()).capitalize() or self._following.why_not()

    def _skipped(self, topic: TopicName, count: int) -> None:
        if topic in {EVENTS, SLATES}:
            self._course.skipped("events" if topic == EVENTS else "slates", count)

    def _now(self, now_s: int) -> dict[str, Any]:
        real, simulated = self.roster.counts()
        world = self._following.world
        return {
            "at_s": now_s,
            "course": self._course.plain(),
            "lag": {"partitions": self._committed.lag(), "age_s": self._committed.age_s()},
            "dead": self._refusals.plain(),
            "judge": {
                **self._coverage.plain(),
                "asks": self._settings.llm_on,
                "tables": len(world.knowledge.judgements) if world else None,
                "spent_usd": round(spent_usd(self._following.spending, now_s), 4),
                "budget_usd": self._settings.llm_budget_usd_per_hour,
            },
            "world": {
                "ready": self._following.ready,
                "why_not": self._why_not(),
                "behind": self._following.lag(),
                "products": len(world.knowledge.catalogue) if world else None,
                "model": world.learning.positions().get(0, -1) if world else None,
                "unlearned": self._following.unlearned,
            },
            "active": {"real": real, "simulated": simulated},
            "metrics": self._scraping.plain(),
            "lookers": self.lookers,
        }


def _records_of(active: Active) -> dict[str, Any]:
    return {"events": active.events, "slates": active.slates, "evidence": active.evidence}

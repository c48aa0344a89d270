"""Slates of a campaign: who still lacks one, what is to be judged for them, and writing them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from models.campaign import Votes
from models.features import Candidates, score
from models.intent import JudgementKey
from models.retrieval import retrieve
from schemas.slates import CAMPAIGN, campaign_slate_id
from schemas.topics import SLATES
from streams.bootstrap import clicks_rules
from streams.deciding import Occasion, covered, decided
from streams.flow import LogRecord
from streams.past.logs import plain_of
from streams.precompute.asked import Asked
from streams.precompute.people import People, Person, read_people
from streams.replay.replaying import Installation, counting
from streams.sources.checkpoint import Checkpoint, Progress
from streams.world import World
from streams.writer import Row

PIECE = 100
"""Visitors whose slates are written together."""

_OURS = b'"slate_id":"' + CAMPAIGN.encode()


class Needs(NamedTuple):
    """What visitors' slates are judged by: visitors whose candidates are judged, and those with nothing to judge by."""

    wanted: dict[JudgementKey, list[str]]
    covered: int
    keyless: int


class Campaign:
    """One campaign's slates.

    A small file holds where `recommendations` ended when the campaign began. Behind that, what is there already is
    found by its id and not written again: a kill between two writes, or in the middle of one, doubles nothing.

    Args:
        site: the installation.
        world: what slates are decided from.
        asked: the campaign, its visitors and placements.
        at: the moment that slates are decided for.
        clock: tells when they are decided.
    """

    def __init__(
        self, site: Installation, world: World, asked: Asked, *, at: datetime, clock: Callable[[], datetime]
    ) -> None:
        self._site, self._world, self._asked, self._at, self._clock = site, world, asked, at, clock
        self._rules = clicks_rules(site.settings)
        settings = site.settings
        target = f"{settings.kafka_bootstrap_servers} {settings.topic_prefix}"
        self._checkpoint = Checkpoint(settings.data_dir, digest=asked.campaign, target=target, kind="campaign")
        self._there: set[str] = set()
        self._wanting: list[Person] = []
        self.people = People()
        self.written = 0

    @property
    def already(self) -> int:
        """Count the slates that were written before."""
        return len(self._there)

    async def read(self) -> None:
        """Read who the visitors are, and which of their slates are there."""
        rules = self._rules.session
        self.people = await read_people(self._site, self._asked.visitors, at=self._at, rules=rules)
        await self._read_written({name for person in self.people.found for name in self._names(person)})
        self._wanting = [one for one in self.people.found if not self._there.issuperset(self._names(one))]

    async def needs(self) -> Needs:
        """Say what is to be judged, by key: for each visitor whose candidates no table covers, the finest one's.

        A coarser table would not be looked at beside it. Keys of most visitors come first.
        """
        votes: defaultdict[JudgementKey, Votes] = defaultdict(Votes)
        told = counting(self._site.watch, "candidates", len(self._wanting))
        judged_already = keyless = 0
        knowledge = self._world.knowledge
        for person in self._wanting:
            judged = self._candidates(self._occasion(person)).judged
            if not judged.keys:
                keyless += 1
            elif covered(judged, knowledge):
                judged_already += 1
            else:
                votes[judged.keys[0]].add([knowledge.facts.names[row] for row in judged.best.tolist()], of=judged.of)
            told(1)
            await asyncio.sleep(0)  # or Ctrl-C is not heard
        order = sorted(votes, key=lambda key: (-votes[key].visitors, key))
        return Needs({key: votes[key].wanted() for key in order}, judged_already, keyless)

    async def write(self) -> None:
        """Decide and write the slates that are not there, those of some visitors at a time.

        Who the visitors are is read once more: judging takes long, and somebody may be forgotten by now.
        """
        await self.read()
        await self._begin()
        told = counting(self._site.watch, "slates", len(self._wanting))
        lineage = orjson.Fragment(self._world.lineage().encode())
        for start in range(0, len(self._wanting), PIECE):
            some = self._wanting[start : start + PIECE]
            rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
            for person in some:
                to = self._site.topics[SLATES], person.partition
                rows[to].extend(self._slates(person, lineage))
                await asyncio.sleep(0)
            await self._site.logs.write(rows)
            self.written += sum(map(len, rows.values()))
            told(len(some))

    def _slates(self, person: Person, lineage: orjson.Fragment) -> Iterator[Row]:
        occasion = self._occasion(person)
        candidates = self._candidates(occasion)
        cause = orjson.Fragment(occasion.cause.encode())
        for placement, name in zip(self._asked.placements, self._names(person), strict=True):
            if name not in self._there:
                slate = decided(
                    occasion, placement, candidates, self._world.knowledge, self._rules.slates,
                    decided_at=self._clock(), campaign=self._asked.campaign,
                )  # fmt: skip
                yield Row(person.visitor_id.encode(), slate.encode(lineage=lineage, cause=cause))

    def _candidates(self, occasion: Occasion) -> Candidates:
        context, knowledge = occasion.context, self._world.knowledge
        return score(retrieve(context, occasion.event, knowledge).found, context, knowledge)

    def _occasion(self, person: Person) -> Occasion:
        return person.occasion(self._asked.campaign, self._at, self._rules.session)

    def _names(self, person: Person) -> list[str]:
        return [
            campaign_slate_id(campaign=self._asked.campaign, visitor_id=person.visitor_id, placement=placement.name)
            for placement in self._asked.placements
        ]

    async def _begin(self) -> None:
        """Note where the slates will be, before the first is written."""
        if self._checkpoint.load() is None:
            ends = {str(partition): end for partition, (_, end) in (await self._bounds()).items()}
            self._checkpoint.save(Progress(ends=ends))

    async def _read_written(self, names: set[str]) -> None:
        begun = self._checkpoint.load()
        if begun is None:
            return
        bounds = await self._bounds()
        spans = {
            partition: (begun.ends.get(str(partition), 0), end)
            for partition, (_, end) in bounds.items()
            if begun.ends.get(str(partition), 0) < end
        }

        def take(_partition: int, records: Sequence[LogRecord]) -> None:
            ours = (plain_of(record) for record in records if _OURS in (record.value or b""))
            self._there |= names.intersection(str(plain.get("slate_id")) for plain in ours)

        await self._site.logs.read(self._site.topics[SLATES], spans, take)

    async def _bounds(self) -> dict[int, tuple[int, int]]:
        return await self._site.logs.bounds(self._site.topics[SLATES], self._site.topics.partitions)

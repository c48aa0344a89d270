"""Was the next click in the slate? Slates scored as they come, beside the references, on the same clicks.

A query is a click by a visitor whose session (30 min without an event end it) already got a slate: the prediction is
the latest slate decided before it. Events are given in event-time order, each with its place in the log; slates may
arrive any time later, but in the order of their causes within a partition, as the output log has them.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.metrics import HitRate, Metric, ReciprocalRank
from models.references import LastItemCooccurrence, RecentPopularity
from schemas.events import Event, EventName
from schemas.record import epoch_ms

SESSION_MS = 30 * 60 * 1000

CLICKS: frozenset[EventName] = frozenset({"view_item", "select_item"})

_TOUCHES: frozenset[EventName] = CLICKS | {"add_to_cart"}


class Score(NamedTuple):
    """HR and MRR of one ranking."""

    hr: float
    mrr: float


class Scores(NamedTuple):
    """All three rankings over the same `queries`."""

    queries: int
    slates: Score
    popularity: Score
    cooccurrence: Score


@dataclass(slots=True)
class _Session:
    last_ms: int
    last: str | None = None
    slate: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Click:
    """A click whose slate may not have arrived yet, with what the references said at the time."""

    target: str
    current: str | None
    popularity: Sequence[str]
    cooccurrence: Sequence[str]


class _Waiting(NamedTuple):
    offset: int
    session: _Session
    click: _Click | None


@dataclass
class _Tally:
    """The metrics of the three rankings over one set of queries."""

    k: int
    metrics: dict[str, tuple[Metric, Metric]] = field(init=False)

    def __post_init__(self) -> None:
        names = ("slates", "popularity", "cooccurrence")
        self.metrics = {name: (HitRate(self.k), ReciprocalRank(self.k)) for name in names}

    def add(self, click: _Click, slate: Sequence[str]) -> None:
        rankings = {"slates": slate, "popularity": click.popularity, "cooccurrence": click.cooccurrence}
        for name, ranking in rankings.items():
            for metric in self.metrics[name]:
                metric.add(ranking, {click.target})

    def scores(self) -> Scores:
        results = {name: Score(*(metric.result() for metric in both)) for name, both in self.metrics.items()}
        return Scores(queries=self.metrics["slates"][0].queries, **results)


class Scoring:
    """Next-click HR@k and MRR@k of slates, recent popularity and last-item co-occurrence.

    Memory follows the sessions of the last 30 minutes of event time and the events whose slates have not come.

    Args:
        labels: the events that are clicks; for data without clicks, `add_to_cart`.
        k: how much of a slate counts.
    """

    def __init__(self, *, labels: Collection[EventName] = CLICKS, k: int = 20) -> None:
        self._labels = frozenset(labels)
        self._k = k
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._waiting: defaultdict[int, deque[_Waiting]] = defaultdict(deque)
        self._popularity = RecentPopularity(k=k)
        self._cooccurrence = LastItemCooccurrence(k=k)
        self._all = _Tally(k)
        self._other = _Tally(k)

    def event(self, event: Event, *, partition: int, offset: int, counted: bool = True) -> None:
        """Take the next event; it must be given before its slates.

        Args:
            event: the event.
            partition: its partition; slates of one partition arrive in the order of their causes.
            offset: its offset there.
            counted: False for clicks that others learn from but that are no query (clicks on slates, say).
        """
        session = self._session_of(event)
        click = None
        if event.name in self._labels and event.items:
            click = self._click(event.items[0].product_id, session)
        if event.name in _TOUCHES and event.items:
            session.last = event.items[0].product_id
        self._waiting[partition].append(_Waiting(offset, session, click if counted else None))

    def slate(self, products: Sequence[str], *, partition: int, cause: int) -> None:
        """Take the slate that answers the event at offset `cause`."""
        self._settle(partition, cause)
        waiting = self._waiting[partition]
        if waiting and waiting[0].offset == cause:
            waiting[0].session.slate = tuple(products[: self._k])

    def finish(self) -> None:
        """Count the clicks that were still waiting: no more slates will come."""
        for partition, waiting in self._waiting.items():
            if waiting:
                self._settle(partition, waiting[-1].offset + 1)

    def scores(self, *, other: bool = False) -> Scores:
        """Give the scores so far; with `other` only over clicks on another product than the session's current one."""
        return (self._other if other else self._all).scores()

    def _session_of(self, event: Event) -> _Session:
        at_ms = epoch_ms(event.at)
        while self._sessions and at_ms - next(iter(self._sessions.values())).last_ms > SESSION_MS:
            self._sessions.popitem(last=False)
        session = self._sessions.setdefault(event.visitor_id, _Session(at_ms))
        session.last_ms = max(session.last_ms, at_ms)
        self._sessions.move_to_end(event.visitor_id)
        return session

    def _click(self, target: str, session: _Session) -> _Click:
        """Ask the references, then let them learn."""
        click = _Click(target, session.last, self._popularity.rank(), self._cooccurrence.rank(session.last))
        self._popularity.learn_one(target)
        if session.last is not None:
            self._cooccurrence.learn_one(session.last, target)
        return click

    def _settle(self, partition: int, cause: int) -> None:
        """Count the clicks up to `cause`: every slate of an earlier cause has come."""
        waiting = self._waiting[partition]
        while waiting and waiting[0].offset <= cause:
            offset, session, click = waiting[0]
            if click is not None and session.slate is not None:
                self._all.add(click, session.slate)
                if click.target != click.current:
                    self._other.add(click, session.slate)
            if offset == cause:
                waiting[0] = _Waiting(offset, session, None)
                return
            waiting.popleft()

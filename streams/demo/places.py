"""Where the demo's own events lie in the log, among those of others, and which slates answer them."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from streams.runs.output import Emitted

_REMEMBERED = 50_000


class Placed(Protocol):
    """Told where an event lies, in the order in which events were sent."""

    def __call__(self, *, partition: int, offset: int) -> object:
        """Take the place."""


Acknowledged = Callable[[int], None]
"""Called with the offset that an event got."""


class Sent(NamedTuple):
    """What is known of an event until its slates have come.

    Args:
        at_s: when it was sent.
        organic: its visitor sees no slates.
        past: it belongs to the history, whose slates are nobody's.
    """

    at_s: float
    organic: bool = False
    past: bool = False


@dataclass(slots=True)
class _UnderWay:
    partition: int
    sent: Sent
    placed: Placed
    offset: int | None = None


class Places:
    """Learns places from acknowledgements, and keeps events before their slates.

    An acknowledgement may be served later than a slate is read: until the place of every event that may be a slate's
    cause is known, the slate waits, and those of its partition behind it. Nobody can tell before whether its cause is
    an event of ours.

    Args:
        answered: called with a slate, what is known of its cause (None: an event of somebody else's), and when the
            slate came.
    """

    def __init__(self, answered: Callable[[Emitted, Sent | None, float], object]) -> None:
        self._answered = answered
        self._under_way: deque[_UnderWay] = deque()
        self._open: Counter[int] = Counter()
        self._placed: defaultdict[int, int] = defaultdict(lambda: -1)
        self._sent: OrderedDict[tuple[int, int], Sent] = OrderedDict()
        self._held: defaultdict[int, deque[tuple[Emitted, float]]] = defaultdict(deque)

    def send(self, partition: int, sent: Sent, placed: Placed) -> Acknowledged:
        """Note an event before it is sent; gives what its acknowledgement calls."""
        one = _UnderWay(partition, sent, placed)
        self._under_way.append(one)
        self._open[partition] += 1
        return partial(self._acknowledged, one)

    def take(self, slate: Emitted, at_s: float) -> None:
        """Take the next slate of its partition."""
        self._held[slate.partition].append((slate, at_s))
        self._release(slate.partition)

    def _acknowledged(self, one: _UnderWay, offset: int) -> None:
        one.offset = offset
        while self._under_way and (oldest := self._under_way[0].offset) is not None:
            self._place(self._under_way.popleft(), oldest)

    def _place(self, one: _UnderWay, offset: int) -> None:
        self._open[one.partition] -= 1
        self._placed[one.partition] = offset
        self._sent[one.partition, offset] = one.sent
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        one.placed(partition=one.partition, offset=offset)
        self._release(one.partition)

    def _release(self, partition: int) -> None:
        held = self._held[partition]
        while held and (held[0][0].cause <= self._placed[partition] or not self._open[partition]):
            slate, at_s = held.popleft()
            self._answered(slate, self._sent.get((partition, slate.cause)), at_s)

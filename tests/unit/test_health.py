"""What a worker says about itself, situation by situation."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from schemas.topics import LEARNING, TopicName
from streams.health import Health
from streams.partitions import PartitionState


@dataclass
class OneTopic:
    topic: TopicName = LEARNING


@dataclass
class Following:
    """A follower that is where a test puts it."""

    at: int = -1
    end: int = 0
    ready: bool = True
    fold: OneTopic = field(default_factory=OneTopic)

    def lag(self) -> int:
        return self.end - self.at - 1

    def positions(self) -> dict[int, int]:
        return {0: self.at}


class Shop:
    """A worker with one partition and one follower, all at their ends, at a time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.follower = Following()
        self.state = PartitionState(0, mark=9)
        self.end = 10
        self.committed = {0: 10}
        self.health = Health(
            states=lambda: {0: self.state} if self.health.restored else {},
            followers=[self.follower],
            log_ends=lambda partitions: dict.fromkeys(partitions, self.end),
            committed=lambda: self.committed,
            follower_lag_limit=100,
            clock=lambda: self.now,
            restored=True,
        )

    def events(self) -> None:
        """Events wait to be worked through."""
        self.end = 30

    def steps(self) -> None:
        """A few steps wait to be learned."""
        self.follower.end = 50

    def flood(self) -> None:
        """More steps wait than a ready worker may have."""
        self.follower.end = 101

    def restoring(self) -> None:
        """Partitions were assigned and are not restored."""
        self.health.restored = False

    def starting(self) -> None:
        """The follower has not reached the end that the log had at the start."""
        self.follower.ready = False
        self.follower.end = 500

    def connecting(self) -> None:
        """The follower was not told yet where its log ends."""
        self.follower.ready = False

    def commit(self) -> None:
        self.committed = {0: self.committed[0] + 1}

    def learn(self) -> None:
        self.follower.at += 1

    def restore(self) -> None:
        self.health.restoring(5)

    def look_for(self, seconds: int, moves: Callable[["Shop"], object] | None = None) -> list[str]:
        """Let time pass with a look every ten seconds, before each of which something moves; give the last answer."""
        answer = self.health.why_not_alive()
        for _ in range(0, seconds, 10):
            self.now += 10
            if moves:
                moves(self)
            answer = self.health.why_not_alive()
        return answer


NOT_RESTORED = "partitions are not assigned or not restored yet"


@pytest.mark.parametrize(
    ("situation", "moves", "alive", "ready"),
    [
        ([], None, "", ""),
        ([Shop.events], Shop.commit, "", ""),
        ([Shop.events], None, "20 records wait and nothing was committed for 70 s", ""),
        ([Shop.events, Shop.steps], Shop.learn, "20 records wait and nothing was committed for 70 s", ""),
        ([Shop.steps], Shop.learn, "", ""),
        ([Shop.steps], None, "learning: 50 records behind and none applied for 70 s", ""),
        ([Shop.steps, Shop.events], Shop.commit, "learning: 50 records behind and none applied for 70 s", ""),
        ([Shop.flood], None, "learning: 101 .* none applied for 70 s", "fell 101 .* than AISLE_FOLLOWER_LAG_LIMIT=100"),
        ([Shop.restoring], Shop.restore, "", NOT_RESTORED),
        ([Shop.restoring], None, "partitions are not restored for 70 s", NOT_RESTORED),
        ([Shop.starting], Shop.learn, "", "learning: 493 records behind"),
        ([Shop.starting, Shop.events], Shop.learn, "", "learning: 493 records behind"),
        ([Shop.connecting], None, "learning: 0 .* none applied for 70 s", "learning: its end is not known yet"),
        ([Shop.starting], None, "learning: 500 records behind and none applied for 70 s", "500 records behind"),
    ],
)
def test_alive_and_ready(
    situation: list[Callable[[Shop], None]], moves: Callable[[Shop], object] | None, alive: str, ready: str
) -> None:
    """What waits has to move, each kind of work by itself; what does not is named after a minute and not before."""
    shop = Shop()
    for what in situation:
        what(shop)
    assert shop.look_for(60, moves) == []
    assert_says(shop.look_for(10, moves), alive)
    assert_says(shop.health.why_not_ready(), ready)


def assert_says(found: list[str], wanted: str) -> None:
    """Hold the reasons against the only one that is expected, if any."""
    assert len(found) == bool(wanted), found
    assert re.search(wanted, "".join(found)), found


def test_probes_may_come_seldom() -> None:
    """Work that came a moment ago is not old because nobody asked before: the worker looks by itself."""
    shop = Shop()
    shop.health.publish()
    shop.now = 600
    shop.health.publish()
    shop.events()
    shop.now = 601
    assert shop.health.why_not_alive() == []


def test_a_rebalance_may_take_longer() -> None:
    """A group with a long session timeout has as long to come together."""
    shop = Shop()
    shop.health.stalled_s = 600
    shop.restoring()
    assert shop.look_for(600) == []
    assert shop.look_for(10) == ["partitions are not restored for 610 s"]


def test_a_follower_that_comes_back_is_ready_again() -> None:
    """Falling behind is told while it lasts, and the progress page says so too."""
    shop = Shop()
    shop.flood()
    assert not shop.health.progress()["ready"]
    shop.learn()
    assert shop.health.progress()["ready"]

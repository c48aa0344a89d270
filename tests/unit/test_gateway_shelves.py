"""The newest slate of each shelf, within a given memory."""

from datetime import timedelta

import pytest

from schemas.errors import DecodeError
from streams.flow import LogRecord
from streams.gateway.held_slate import expiry_ms, is_campaign, read_slate
from streams.gateway.shelves import SHELVES, UNREAD, Shelves
from tests.erasing import erasure
from tests.slates_held import NOON_MS, held, record


class Clock:
    """Milliseconds since 1970, as told."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def __call__(self) -> int:
        """Tell the time."""
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """Give noon."""
    return Clock()


@pytest.fixture
def shelves(clock: Clock) -> Shelves:
    """Give empty shelves with eight megabytes."""
    return Shelves(1 << 23, now_ms=clock)


def test_a_slate_is_read_as_it_was_written() -> None:
    """What is peeked at, without reading it all, is what stands there."""
    one = record(7, ["p1", "p2"], placement="product", anchor="p9", revision=1, epoch=2)
    slate = read_slate(one)
    assert slate.shelf == ("product", "p9")
    assert [pick.product_id for pick in slate.items] == ["p1", "p2"]
    assert (slate.cause, slate.revision, slate.offset) == ((0, 2, 7), 1, 7)
    assert slate.expires_ms == expiry_ms(one.value or b"") == NOON_MS + 1_800_000


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"{}", b'{"slate_id":1}', b"null", b"\xff", (record(1).value or b"").replace(b'"1.0"', b'"2.0"')],
)
def test_what_is_no_slate_is_refused(value: bytes) -> None:
    """By the one error that sends it aside."""
    with pytest.raises(DecodeError):
        read_slate(LogRecord(0, 0, 0, b"v", value))


def test_the_newest_of_each_shelf_is_shown(shelves: Shelves) -> None:
    """An anchor names one, no anchor gives the newest of the placement."""
    for one in (
        record(1),
        record(2, placement="product", anchor="p1"),
        record(3, placement="product", anchor="p2"),
        record(4),
        record(4, revision=1),
    ):
        assert shelves.put(one) == "v"
    assert shelves.newest("v", "home") == held(4, revision=1)
    assert shelves.newest("v", "product", "p1") == held(2, placement="product", anchor="p1")
    assert shelves.newest("v", "product") == held(3, placement="product", anchor="p2")
    assert shelves.newest("v", "cart") is None
    assert shelves.newest("somebody", "home") is None


def test_a_revision_never_replaces_a_newer_slate(shelves: Shelves) -> None:
    """Whatever comes late."""
    for one in (record(5), record(4, revision=1, offset=9)):
        shelves.put(one)
    assert shelves.newest("v", "home") == held(5)


def test_a_log_that_began_anew_goes_on(shelves: Shelves) -> None:
    """In a later epoch, offsets start over."""
    for one in (record(500), record(2, epoch=1)):
        shelves.put(one)
    assert shelves.newest("v", "home") == held(2, epoch=1)


def test_a_visitor_who_moved_to_another_partition_goes_on(shelves: Shelves) -> None:
    """Offsets of two partitions say nothing about each other: what was written later is newer."""
    moved = record(2, partition=5)._replace(timestamp_ms=NOON_MS + 900)
    for one in (record(500), moved):
        shelves.put(one)
    assert shelves.newest("v", "home") == read_slate(moved)


def test_a_tombstone_empties_the_shelves(shelves: Shelves) -> None:
    """Of its visitor only."""
    shelves.put(record(1))
    shelves.put(record(2, visitor="w"))
    assert shelves.put(LogRecord(0, 9, NOON_MS, b"v", None)) == "v"
    assert shelves.newest("v", "home") is None
    assert shelves.newest("w", "home") is not None


def test_slates_of_campaigns_are_for_no_page(shelves: Shelves) -> None:
    """They are known without being read."""
    campaign = record(1, placement="email", slate_id="c-72b982c0eef1ab120c9d-email")
    assert is_campaign(campaign.value or b"")
    assert shelves.put(campaign) is None
    assert len(shelves) == 0


def test_what_is_stale_is_not_shown(shelves: Shelves, clock: Clock) -> None:
    """It is not even taken, and a sweep lets go of who has nothing else."""
    shelves.put(record(1))
    clock.ms += int(timedelta(hours=1).total_seconds() * 1000)
    assert shelves.newest("v", "home") is None
    assert shelves.put(record(2)) is None
    shelves.sweep()
    assert (len(shelves), shelves.bytes) == (0, 0)


def test_a_sweep_keeps_up_with_who_comes(shelves: Shelves, clock: Clock) -> None:
    """A thousand visitors between two sweeps, all stale by now, are gone with the next one."""
    for number in range(1000):
        shelves.put(record(1, visitor=f"v{number}"))
    clock.ms += 3_600_000
    shelves.sweep()
    assert (len(shelves), shelves.bytes) == (0, 0)


def test_memory_is_bounded(clock: Clock) -> None:
    """Who was longest out of sight goes first; somebody whose page asks stays."""
    shelves = Shelves(40_000, now_ms=clock)
    for number in range(100):
        shelves.put(record(number, visitor=f"v{number}"))
        shelves.of("v0")
    assert shelves.bytes <= 40_000
    assert shelves.newest("v0", "home") is not None
    assert shelves.newest("v1", "home") is None
    assert shelves.newest("v99", "home") is not None


def test_one_visitor_does_not_pile_up(shelves: Shelves) -> None:
    """Slates that nobody asks for are read when they are many, and the newest stays."""
    for number in range(10 * UNREAD):
        shelves.put(record(number))
    assert shelves.bytes < 20_000
    assert shelves.newest("v", "home") == held(10 * UNREAD - 1)


def test_nonsense_spoils_nothing(shelves: Shelves) -> None:
    """What cannot be read is skipped; the slate before it stays."""
    shelves.put(record(1))
    shelves.put(LogRecord(0, 2, NOON_MS, b"v", b'{"placement":7,"expires_at":"2099-01-01T00:00:00Z"}'))
    assert shelves.newest("v", "home") == held(1)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"slate_id":"s-0-2-home-0685"', b'"slate_id":7'),
        (b'"revision":0', b'"revision":"x"'),
        (b'"offset":2', b'"offset":"2"'),
        (b'"event_id":"e2"', b'"event_id":{}'),
        (b'"event_at":"2026', b'"event_at":"soon'),
        (b'"placement":"home"', b'"anchor":[],"placement":"home"'),
        (b"Z", b""),
    ],
)
def test_a_slate_with_nonsense_in_one_field_spoils_nothing(shelves: Shelves, said: bytes, instead: bytes) -> None:
    """Neither when it comes, nor when somebody asks; a time without its offset from UTC is nonsense, too."""
    good = record(2)
    bad = (good.value or b"").replace(said, instead)
    assert bad != good.value
    shelves.put(record(1))
    shelves.put(good._replace(value=bad))
    assert shelves.newest("v", "home") == held(1)


def test_who_asks_to_be_forgotten_is_shown_nothing(shelves: Shelves) -> None:
    """From that moment, and also what a worker decides before it has heard."""
    shelves.put(record(1))
    shelves.forget("v")
    shelves.put(record(2))
    assert not shelves.of("v")


def test_who_was_forgotten_and_returns_is_new(shelves: Shelves) -> None:
    """What answers an event after the `forget` is shown; what answers one before it never is, whatever comes when."""
    shelves.put(record(1))
    shelves.forget("v")
    assert shelves.erase(erasure("v", offset=3))
    shelves.put(record(2, placement="cart"))
    shelves.put(record(4))
    assert set(shelves.of("v")) == {("home", None)}


def test_an_erasure_counts_for_slates_of_another_partition_by_time(shelves: Shelves) -> None:
    """Where offsets cannot be compared."""
    shelves.erase(erasure("v", offset=900, partition=7, at_ms=NOON_MS + 5))
    for one in (record(3), record(8, placement="cart")):
        shelves.put(one)
    assert set(shelves.of("v")) == {("cart", None)}


def test_old_erasures_concern_nobody_any_more(shelves: Shelves, clock: Clock) -> None:
    """Their slates are gone from the log, so they need no memory."""
    assert not shelves.erase(erasure("v", offset=3, at_ms=NOON_MS - 86_500_000))
    assert shelves.erase(erasure("w", offset=3))
    clock.ms += 90_000_000
    shelves.sweep()
    shelves.put(record(2, visitor="w", expires_ms=clock.ms + 1000))
    assert shelves.of("w")


def test_who_leafs_through_all_products_keeps_the_newest_shelves(shelves: Shelves) -> None:
    """Each look at a visitor goes through all their shelves."""
    for number in range(SHELVES + 50):
        shelves.put(record(number, placement="product", anchor=f"p{number}"))
    kept = shelves.of("v")
    assert len(kept) == SHELVES
    assert ("product", "p49") not in kept
    assert ("product", f"p{SHELVES + 49}") in kept


def test_who_was_forgotten_is_not_remembered_without_bound(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of long ago go first, of whom nothing is under way."""
    monkeypatch.setattr("streams.gateway.shelves.FORGOTTEN", 2)
    for name in ("first", "second", "third"):
        shelves.forget(name)
        shelves.put(record(1, visitor=name))
    assert [bool(shelves.of(name)) for name in ("first", "second", "third")] == [True, False, False]

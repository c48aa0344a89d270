"""The sweep frees visitors, and nothing else can tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from models.session import decode_visitor, ended
from models.session_rules import DAY_MS, HOUR_MS, SessionRules
from schemas.events import BEHIND_MS, ORIGIN_HEADER, Event
from schemas.products import Product
from schemas.record import from_epoch_ms
from schemas.topics import PRODUCTS, SLATES
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Outcome
from streams.partitions import PartitionState
from streams.settings import Settings
from streams.sweep import Sweep
from tests.journey import START_MS

RULES = SessionRules()
NAMES = ["view_item", "view_item", "add_to_cart", "purchase", "page_view", "page_ping", "identify", "forget"]
IMPORTED = ((ORIGIN_HEADER, b"import"),)
SETTINGS = Settings(_env_file=None)


class Idle(Sweep):
    """Frees nobody."""

    def after(self, *_: Any, **__: Any) -> None:
        """Leave everything as it is."""


@dataclass
class Shop:
    """An agent of its own with a small catalogue, and one partition."""

    part: PartitionState
    slates: list[bytes | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = build_world(SETTINGS)
        fold = next(fold for fold in world.folds if fold.topic == PRODUCTS)
        for offset, name in enumerate("abcdef"):
            product = Product(product_id=name, title=name)
            fold.apply(LogRecord(0, offset, 0, name.encode(), product.encode()))
        self.agent = ClicksAgent(world, clicks_rules(SETTINGS), clock=lambda: from_epoch_ms(START_MS))

    def take(self, batch: list[LogRecord]) -> Outcome:
        """Work a batch through."""
        outcome = self.agent.handle(batch, self.part)
        self.slates += [out.value for out in outcome.outputs if out.topic == SLATES]
        return outcome


def record(offset: int, name: str, visitor: str, *, at_ms: int, arrival_ms: int, **fields: Any) -> LogRecord:
    """Write an event about product `a`."""
    headers = fields.pop("headers", ())
    plain = {
        "schema_version": Event.VERSION, "event_id": str(offset), "name": name, "visitor_id": visitor,
        "at": from_epoch_ms(at_ms).isoformat(), "items": [{"product_id": "a"}], "consent": "personalisation", **fields,
    }  # fmt: skip
    return LogRecord(0, offset, arrival_ms, visitor.encode(), orjson.dumps(plain), headers)


@st.composite
def batches(draw: st.DrawFn) -> list[list[LogRecord]]:
    """Draw what arrives over a year or two: live events up to a week late, and bursts of imported history."""
    found: list[list[LogRecord]] = []
    offset, arrival_ms = 0, START_MS
    for burst in range(draw(st.integers(5, 30))):
        arrival_ms += draw(
            st.sampled_from([1000, HOUR_MS, HOUR_MS, HOUR_MS, DAY_MS, 100 * DAY_MS, RULES.profile_ms + DAY_MS])
        )
        old_ms = draw(st.none() | st.sampled_from([100, 300, 900]).map(lambda days: days * DAY_MS))
        batch = []
        for place in range(draw(st.integers(1, 3))):
            late_ms = draw(st.sampled_from([0, 0, 0, DAY_MS, BEHIND_MS]))
            visitor = draw(st.sampled_from(["a", "b", "c"])) if old_ms is None else f"h{burst // 3}"
            at_ms = arrival_ms - late_ms if old_ms is None else arrival_ms - old_ms + place * DAY_MS
            batch.append(
                record(
                    offset, draw(st.sampled_from(NAMES)), visitor, at_ms=at_ms, arrival_ms=arrival_ms,
                    headers=() if old_ms is None else IMPORTED,
                    user_id=draw(st.sampled_from([None, None, "u"])),
                    consent=draw(st.sampled_from(["personalisation"] * 5 + ["none"])),
                )
            )  # fmt: skip
            offset += 1
        found.append(batch)
    return found


def living(part: PartitionState, clock_ms: int) -> dict[bytes, bytes]:
    """Give the states of those whose profile has not ended."""
    clocks = {key: decode_visitor(data).clock_ms for key, data in part.visitors.items()}
    return {key: part.visitors[key] for key, at in clocks.items() if not ended(at, clock_ms, RULES)}


@settings(max_examples=30)  # of up to 90 events each
@given(stream=batches())
def test_with_or_without_sweeps_everything_is_the_same(stream: list[list[LogRecord]]) -> None:
    """Slates and the states of living visitors are equal to the byte, and who was freed had ended."""
    swept, kept = Shop(PartitionState(0)), Shop(PartitionState(0, sweep=Idle()))
    for batch in stream:
        swept.take(batch)
        kept.take(batch)
        clock_ms = max(one.timestamp_ms for one in batch)
        assert living(swept.part, clock_ms) == living(kept.part, clock_ms)
        assert set(swept.part.visitors) <= set(kept.part.visitors)
    assert swept.slates == kept.slates


def days(visitors: int, count: int) -> Iterator[list[LogRecord]]:
    """Give the batches of some days, a new visitor with each record."""
    for number in range(count):
        at_ms = START_MS + number * DAY_MS
        offset = number * visitors
        yield [
            record(offset + place, "view_item", f"v{offset + place}", at_ms=at_ms, arrival_ms=at_ms)
            for place in range(visitors)
        ]


def test_visitors_who_never_come_back_do_not_add_up() -> None:
    """After the profile's time as many are freed as come; each gets its tombstone once."""
    shop = Shop(PartitionState(0))
    freed: list[bytes] = []
    for batch in days(3, 600):
        outcome = shop.take(batch)
        freed += [key for key, data in outcome.touched.items() if data is None]
        assert len(shop.part.visitors) <= 3 * (187 + 187 // 3 + 3)
    assert len(freed) == len(set(freed)) == 3 * 600 - len(shop.part.visitors)

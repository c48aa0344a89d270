"""The world is a function of positions alone: how the logs were interleaved on the way makes no difference."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.wording import word
from schemas.events import Event, Item
from schemas.judgements import Judgement, JudgementTable, judgement_key
from schemas.products import Embedding, Product, pack_vector
from schemas.record import epoch_ms
from schemas.slates import Evidence, Slate
from schemas.topics import JUDGEMENTS, PRODUCTS, TopicName
from streams.bootstrap import build_world, clicks_rules
from streams.engine import Engine
from streams.flow import LogRecord
from streams.past.again import Recorded, answers_of, context_after, decide_again, state_of, written
from streams.past.positions import Positions, positions_of
from streams.settings import Settings
from streams.world import World

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = Settings(_env_file=None, index="numpy", evidence_share=1.0)
RULES = clicks_rules(SETTINGS)
PRODUCTS_COUNT = 48


class Taped(Engine):
    """An engine that keeps the logs of its world, and each slate with its event."""

    def __init__(self) -> None:
        self.logs: defaultdict[tuple[TopicName, int], list[LogRecord]] = defaultdict(list)
        self.slates: list[tuple[Slate, Event]] = []
        super().__init__(SETTINGS)
        for topic, fold in self._fold.items():
            self._fold[topic] = _Taping(fold, self.logs[topic, 0].append if topic != PRODUCTS else self._product)

    def _product(self, record: LogRecord) -> None:
        self.logs[PRODUCTS, record.partition].append(record)

    def withdraw_judgements(self, segment: str, intent: str) -> None:
        """Write a tombstone."""
        self._append(JUDGEMENTS, judgement_key(segment, intent), None)

    def see(self, event: Event) -> None:
        """Feed an event and keep its slates."""
        self.slates += [(slate, event) for slate in self.feed(event)]


class _Taping:
    def __init__(self, fold: object, tape: object) -> None:
        self._inner, self._tape = fold, tape

    def apply(self, record: LogRecord) -> None:
        self._tape(record)
        self._inner.apply(record)


def product(n: int, **fields: object) -> Product:
    """Make a product; every third is a variant of the one before, titles repeat."""
    plain = {
        "product_id": f"p{n:02}", "title": f"Oak mug {n % 7}", "category": ("Home", f"Shelf {n % 4}"),
        "group_id": f"g{n // 3}" if n % 3 < 2 else None, "price": 5.0 + n, "updated_at": NOON - timedelta(days=n % 5),
    }  # fmt: skip
    return Product(**(plain | fields))


def vector(n: int, salt: int = 0) -> Embedding:
    """Make a vector; many products share one."""
    rng = np.random.default_rng([n % 9, salt])
    return Embedding(
        product_id=f"p{n:02}",
        model="m",
        text_hash=f"{n}-{salt}",
        dim=8,
        vector=pack_vector(rng.standard_normal(8)),
        embedded_at=NOON,
    )


def changed(engine: Taped, random: Random) -> None:
    """Change the shop in any of the ways it can."""
    n = random.randrange(PRODUCTS_COUNT)
    match random.randrange(8):
        case 0:
            engine.remove_product(f"p{n:02}")
        case 1:
            engine.put_product(product(n, group_id=random.choice((None, "g1", "g9"))))
        case 2:
            engine.put_product(
                product(n, category=("Home", f"Shelf {random.randrange(4)}"), stock=random.choice((0, 5)))
            )
        case 3:
            engine.put_embeddings([vector(n, salt=random.randrange(3))])
        case 4:
            engine.put_product(product(n, title=f"Pine bowl {n % 3}", hidden=random.random() < 0.3))
        case 5:
            engine.put_product(product(n, available_from=NOON + timedelta(seconds=random.randrange(900))))
        case _:
            judge(engine, random)


def judge(engine: Taped, random: Random) -> None:
    """Judge some of the items as they are now, for the last visitor or everybody; or withdraw what was judged."""
    judged = [slate.judged for slate, _ in engine.slates[-20:] if slate.judged]
    if not judged:
        return
    last = judged[-1]
    fine = random.random() < 0.4
    segment, intent = (last.segment, last.intent) if fine else ("any", last.intent.partition(".")[0])
    if random.random() < 0.1:
        engine.withdraw_judgements(segment, intent)
        return
    scores = {}
    for product_id in random.sample([f"p{n:02}" for n in range(PRODUCTS_COUNT)], 40):
        found = engine.knowledge.catalogue.get(product_id)
        worded = word(found) if found else None
        if found and worded:
            at = NOON - timedelta(days=random.choice((0, 0, 0, 8)))
            scores[found.item] = Judgement(
                score=random.randrange(11), text_hash=worded.text_hash, price_band=worded.price_band, judged_at=at
            )
    rules = RULES.judging
    engine.put_judgements(
        JudgementTable(
            segment=segment, intent=intent, model=rules.model, prompt_version=rules.prompt_version, scores=scores
        )
    )


@pytest.fixture(scope="module")
def tape() -> Taped:
    """Visitors in a shop that changes under their eyes."""
    engine, random = Taped(), Random(7)
    for n in range(PRODUCTS_COUNT):
        engine.put_product(product(n))
        engine.put_embeddings([vector(n)])
    for n in range(260):
        if n % 2:
            changed(engine, random)
        name = random.choice(("view_item", "view_item", "view_item", "add_to_cart", "purchase", "search"))
        engine.see(
            Event(
                event_id=f"e{n}",
                name=name,
                visitor_id=f"v{random.randrange(9)}",
                at=NOON + timedelta(seconds=3 * n),
                items=(Item(product_id=f"p{random.randrange(PRODUCTS_COUNT):02}"),),
                query="oak mugs" if name == "search" else None,
                consent="personalisation" if random.random() < 0.95 else "none",
            )
        )
    assert len(engine.slates) > 300
    by = Counter(slate.judged.by for slate, _ in engine.slates if slate.judged)
    assert min(by["fine"], by["coarse"], by["none"]) > 10, by
    return engine


def world_at(tape: Taped, wanted: Positions, order: Random) -> World:
    """Bring a world to positions, its logs interleaved as the order says."""
    world = build_world(SETTINGS)
    folds = {fold.topic: fold for fold in world.folds}
    left = {place: tape.logs[place][: offset + 1] for place, offset in wanted.at}
    while left:
        place = order.choice(sorted(left))
        some = order.randrange(1, 60)
        for record in left[place][:some]:
            folds[place[0]].apply(record)
        left[place] = left[place][some:]
        if order.random() < 0.2:  # serving asks the index, and fills what is remembered
            probe = world.knowledge.content.vector("p01")
            if probe is not None:
                world.knowledge.neighbours.near(probe, 20)
        if not left[place]:
            del left[place]
    return world


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_000_000))
def test_a_slate_follows_from_its_positions(tape: Taped, seed: int) -> None:
    """Whatever the order of products, vectors and learning on the way, the slate is the same, byte for byte."""
    order = Random(seed)
    place = order.randrange(len(tape.slates))
    slate, event = tape.slates[place]
    evidence = next(one for one in tape.evidence if one.slate_id == slate.slate_id)
    world = world_at(tape, positions_of(slate.lineage), order)
    assert world.lineage() == slate.lineage
    context = context_after(state_of(Evidence.decode(evidence.encode())), event, RULES.session)
    for answers in (answers_of(evidence, world.knowledge), None):  # as recorded, and searched again exactly
        again = decide_again(Recorded(slate, event, context, answers), world.knowledge, RULES)
        assert written(slate, again.decided) == slate.encode()


def test_arrival_is_what_engines_agree_on(tape: Taped) -> None:
    """The tape holds what a broker would: positions begin at 0 and no record comes twice."""
    for records in tape.logs.values():
        assert [record.offset for record in records] == list(range(len(records)))
        assert all(record.timestamp_ms <= epoch_ms(NOON + timedelta(hours=1)) for record in records)

"""Valid records of every kind, as rich as they come: what the fuzzer starts from."""

from datetime import UTC, datetime

import numpy as np
import orjson

from models.blend import Blend
from models.features import FEATURES
from models.model import Model, ModelRules
from models.session import SessionRules, apply, encode
from models.snapshot import encode as encode_model
from schemas.dead import DeadLetter, Source
from schemas.erasures import Erasure
from schemas.events import Event, decode_event
from schemas.judgements import JudgementRequest, JudgementTable, Spending
from schemas.learning import LearningStep, Origin, TrainingRow, pack_features
from schemas.products import Embedding, Product, pack_vector
from schemas.record import Record, epoch_ms
from schemas.rules import Rule
from schemas.slates import Evidence, Slate
from streams.partitions import Watermark

AT = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
TEXT = "2026-05-01T12:00:00.250Z"
ORIGIN = {"topic": "clickstream.events", "partition": 1, "offset": 17}
SMALL = ModelRules(items=64, unknown_items=8, people=64, users=64, sessions=64, pair_cells=1 << 8, landings=8)
"""Rules of a model that is made in a moment."""


def event(name: str, offset: int = 0, **fields: object) -> bytes:
    """Write an event of a visitor who consents."""
    plain = {"event_id": f"e{offset}", "name": name, "visitor_id": "v1", "at": TEXT, "consent": "personalisation"}
    return orjson.dumps(plain | fields)


EVENTS = [
    event("view_item", 1, items=[{"product_id": "p1", "quantity": 1, "price": 9.5, "currency": "EUR"}],
          page={"view_id": "w1", "url": "https://shop/p1", "referrer": "https://search", "kind": "product"},
          context={"country": "DE", "device": "mobile", "utm_source": "mail", "local_hour": 12}),
    event("page_ping", 2, page={"view_id": "w1"}, ping={"dwell_ms": 4000, "scroll": 0.5}),
    event("add_to_cart", 3, user_id="u1", items=[{"product_id": "p1", "quantity": 2}]),
    event("impression", 4, items=[{"product_id": "p2"}, {"product_id": "p3"}],
          shown={"slate_id": "s-1-3-home-0685", "placement": "home", "rank": 1}),
    event("select_item", 5, items=[{"product_id": "p3"}],
          shown={"slate_id": "s-1-3-home-0685", "revision": 0, "placement": "home", "rank": 2}),
    event("search", 6, query="green tent"),
    event("purchase", 7, user_id="u1", items=[{"product_id": "p1", "quantity": 2, "price": 9.5, "currency": "EUR"}]),
    event("identify", 8, user_id="u2"),
    event("forget", 9),
    event("page_view", 10, consent="none", page={"kind": "home"}),
]  # fmt: skip


def visitors() -> list[bytes]:
    """Give states as the session context writes them, after one and more of the events."""
    state, found = None, []
    for offset, data in enumerate(EVENTS[:8]):
        one = decode_event(data, arrival_ms=epoch_ms(AT))
        origin = Origin(topic="clickstream.events", partition=0, offset=offset)
        state = apply(state, one, origin=origin, item_of=str, rules=SessionRules()).visitor
        if state is not None:
            found.append(encode(state))
    return found


def watermarks() -> list[bytes]:
    """Give marks of this and of earlier builds."""
    return [Watermark(17, 30).encode(), Watermark(-1, 0, 2, "a1B2").encode(), b'{"mark":3,"out_end":9}']


def embedding() -> Embedding:
    """Give a vector of four numbers."""
    vector = pack_vector(np.array([0.5, -0.5, 0.25, 1], np.float32))
    return Embedding(product_id="p1", model="m", text_hash="ab", dim=4, vector=vector, embedded_at=AT)


def steps() -> list[LearningStep]:
    """Give what a view with a training row, a purchase and a forget teach."""
    features = pack_features(np.ones((3, len(FEATURES)), np.float32))
    row = TrainingRow(version=Blend.VERSION, rows=3, columns=len(FEATURES), features=features)
    common = {"origin": Origin(**ORIGIN), "at": AT, "visitor_id": "v1", "session": "v1-1"}
    return [
        LearningStep(kind="view", items=(("p1", 1.0),), context=(("p2", 0.5),), cart=("p3",), row=row,
                     landing={"country": "DE", "utm_source": "mail"}, slate_id="s", placement="home", rank=1,
                     explored="new", unknown=(0, 2), **common),
        LearningStep(kind="purchase", user_id="u1", items=(("p1", 5.0), ("p2", 5.0)),
                     leaves=("Home > Mugs", ""), cart_leaves=("Home",), gap_days=(30.5, 0), **common),
        LearningStep(kind="forget", user_id="u1", **common),
    ]  # fmt: skip


def slate() -> Slate:
    """Give a slate of two products."""
    items = [
        {"product_id": f"p{n}", "rank": n, "score": 1 / n, "sources": {"knn": 0.5}, "reason": "New"} for n in (1, 2)
    ]
    return Slate.model_validate(
        {"slate_id": "s-1-17-home-0685", "visitor_id": "v1", "placement": "home", "anchor": "p9", "view_id": "w1",
         "items": items, "cause": ORIGIN | {"event_id": "e1"}, "event_at": TEXT, "decided_at": TEXT,
         "expires_at": TEXT, "explored": {"rank": 2, "propensity": 0.1, "pool": "new", "shares": {"new": 1.0}},
         "lineage": {"products": {"0": 3}, "model": 7, "settings": "ab", "build": "0.1.0"}}
    )  # fmt: skip


def records() -> list[Record]:
    """Give a record of each kind that travels, events and visitors apart."""
    judged = {"score": 7.5, "text_hash": "ab", "price_band": "mid", "judged_at": TEXT}
    state = orjson.loads(visitors()[-2])
    return [
        Product(product_id="p1", group_id="g1", title="Überzelt ⛺", category=("outdoor", "tents"), brand="B",
                price=9.5, sale_price=8, currency="EUR", stock=3,
                markets={"AT": {"price": 9, "stock": 1}}, available_from=AT,
                attributes={"season": 3, "repurchase_days": 30.5, "light": True}, vector=(0.1, 0.2), updated_at=AT),
        embedding(), *steps(), slate(),
        Evidence(slate_id="s", visitor_id="v1", state=state, content=(("p1", 0.5),), timed_out=("content",), at=AT),
        JudgementRequest(segment="s", intent="i", product_ids=("p1",), slate_id="s", deadline_at=AT, at=AT),
        JudgementTable.model_validate(
            {"segment": "s", "intent": "i", "model": "m", "prompt_version": "1", "scores": {"p1": judged}}
        ),
        Spending(partition=1, usd={29630880: 0.01}),
        Rule(rule_id="r", kind="experiment", placements=("home",), arms={"a": 0.5, "b": 0.5}, starts_at=AT, ends_at=AT),
        DeadLetter(reason="schema", detail="x", source=Source(topic="t", partition=0, offset=0, timestamp=AT),
                   key="djE=", value="e25vcGU=", value_bytes=5, headers={"origin": "import"}, attempts=3),
        Erasure(subject="user", subject_id="u1", until=AT, origin=Origin(**ORIGIN)),
    ]  # fmt: skip


def snapshots() -> list[bytes]:
    """Give a model that has learned nothing, and one that has learned some."""
    model = Model(SMALL)
    empty = encode_model(model)
    for offset, step in enumerate(steps()):
        model.learn_one(step, offset)
    return [empty, encode_model(model)]


WORDS = sorted({name for kind in (Event, Product, LearningStep, Slate, Rule) for name in kind.model_fields})

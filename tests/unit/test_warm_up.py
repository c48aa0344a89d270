"""No visitor waits for the compiler."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from models.warm_up import warm_up
from schemas.events import Event, EventName, Item
from schemas.judgements import Judgement, JudgementTable
from schemas.products import Embedding, Product, pack_vector
from streams.engine import Engine
from streams.settings import Settings

AT = datetime(2026, 5, 1, tzinfo=UTC)
NAMES: tuple[EventName, ...] = ("view_item", "select_item", "add_to_cart", "search", "purchase", "view_item", "refund")


def compiled() -> dict[str, list[object]]:
    """Give what each kernel of the loaded models is compiled for."""
    modules = [module for name, module in sys.modules.items() if name.startswith("models.")]
    found = [thing for module in modules for thing in vars(module).values() if hasattr(thing, "py_func")]
    return {f"{kernel.__module__}.{kernel.__name__}": list(kernel.signatures) for kernel in found}


def shop(engine: Engine) -> None:
    """Fill it with products that have vectors, so that slates are diversified."""
    random = np.random.default_rng(0)
    for n in range(40):
        engine.put_product(Product(product_id=f"p{n}", title=f"Mug {n}", category=("mugs",), price=3))
        vector = pack_vector(random.normal(size=8))
        made = Embedding(product_id=f"p{n}", model="m", text_hash="h", dim=8, vector=vector, embedded_at=AT)
        engine.put_embeddings([made])


def judge(engine: Engine) -> None:
    """Judge some mugs for everybody who is here for mugs."""
    rules = engine.knowledge.judgements.rules
    scores = {f"p{n}": Judgement(score=n % 10, text_hash="h", judged_at=AT) for n in range(30)}
    engine.put_judgements(
        JudgementTable(
            segment="any", intent="mugs/any", model=rules.model, prompt_version=rules.prompt_version, scores=scores
        )
    )


def traffic() -> Iterator[Event]:
    """Let two users with two visitors each do everything, and be forgotten."""
    turns = [(v, name, p) for v in range(4) for name in NAMES for p in range(4)] + [(v, "forget", 0) for v in range(4)]
    for n, (v, name, p) in enumerate(turns):
        yield Event(
            event_id=f"e{n}", name=name, visitor_id=f"v{v}", user_id=f"u{v % 2}", at=AT + timedelta(seconds=5 * n),
            consent="personalisation", items=(Item(product_id=f"p{p + v}"),), query="mug" if name == "search" else None,
        )  # fmt: skip


def arrival(event_id: str) -> Event:
    """Let somebody come of whom nothing is known, not even a product."""
    return Event(event_id=event_id, name="page_view", visitor_id=event_id, at=AT)


def main() -> None:
    """Say what traffic made the compiler do after the warm-up."""
    warm_up()
    engine = Engine(Settings(_env_file=None))
    before = compiled()
    engine.feed(arrival("before-opening"))
    shop(engine)
    judge(engine)
    slates = [slate for event in (arrival("first"), *traffic()) for slate in engine.feed(event)]
    late = [name for name, kinds in compiled().items() if kinds != before.get(name)]
    sys.stdout.write(f"{len(slates) > 100} {len(before) > 10} {late}")


def test_traffic_compiles_nothing() -> None:
    """All kernels are there after the warm-up, for the very types that events bring; in a process of its own."""
    told = subprocess.check_output([sys.executable, __file__], text=True)

    assert told == "True True []"


if __name__ == "__main__":
    main()

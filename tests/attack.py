"""`make attack`: visitors who try to push one product up; how far it moves on the home slates of everybody else."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from models.context import context_of, moment_of
from models.features import score
from models.placements import PLACEMENTS
from models.retrieval import retrieve
from models.session import Context, SessionRules
from models.slate import Request, SlateRules, stages
from schemas.events import Event, EventName, Item, Landing, Page, Shown
from schemas.record import from_epoch_ms
from streams.demo.shop import OPENED, generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from streams.engine import Engine
from streams.settings import Settings

HOME = next(placement for placement in PLACEMENTS if placement.name == "home")
ATTACKED = (OPENED + timedelta(days=40)).replace(hour=0, minute=0)
VISITS, ROUNDS = 8, 6
"""Of one attacker's day: half an hour and more lies between two visits, so that each is a session of its own."""

BESTSELLERS = 5


class Exposure(NamedTuple):
    """How a product stands on home slates: the share 0..1 of them that shows it, and its mean rank.

    Ranks go on behind the slate, over all candidates that are left after the filters; it has the one after the last
    where it is none of them.
    """

    share: float
    rank: float


@dataclass
class Shop:
    """A shop with a past, and people in it who mean no harm."""

    engine: Engine
    contexts: list[Context]
    target: str
    bestsellers: list[str]

    def attack(self, visitors: int) -> None:
        """Let so many visitors push the target for a day."""
        acts = [event for number in range(visitors) for event in attack(f"attacker{number}", self)]
        for event in sorted(acts, key=lambda one: one.at):
            self.engine.feed(event, origin=None)

    def exposure(self) -> Exposure:
        """Look at the home slates that everybody else would get now."""
        ranks = [self._rank(context) for context in self.contexts]
        return Exposure(float(np.mean([rank <= HOME.size for rank in ranks])), float(np.mean(ranks)))

    def _rank(self, context: Context) -> int:
        knowledge, at = self.engine.knowledge, from_epoch_ms(context.at_ms)
        event = Event(event_id="look", name="page_view", visitor_id=context.visitor_id, at=at)
        candidates = score(retrieve(context, event, knowledge).found, context, knowledge)
        come = stages(Request("s", HOME, context, (), at), candidates, knowledge, SlateRules())
        order = [come.listed.products[place] for place in come.capped]
        rest = [product for product in come.listed.products if product not in set(order)]
        items = [knowledge.catalogue.item_of(product) for product in (*order, *rest)]
        return [*items, self.target].index(self.target) + 1


def shop(*, products: int = 400, events: int = 4_000, seed: int = 7, people: int = 120) -> Shop:
    """Open a shop with a history; the target is a product that nobody cares for.

    Args:
        products: of the catalogue.
        events: of the history.
        seed: of the simulation.
        people: whose slates are looked at.
    """
    engine = Engine(Settings(_env_file=None, index="numpy"))
    catalogue = generate_shop(seed, products)
    truth = hidden_truth(catalogue, seed)
    for product in catalogue:
        engine.put_product(product)
    crowd = Crowd(catalogue, truth, seed=seed)
    history = crowd.history(events, until_ms=int(ATTACKED.timestamp() * 1000))
    for event in history:
        engine.feed(event)
    liked = np.argsort(-truth.popular, kind="stable")
    tail = [at for at in liked.tolist() if truth.appeal[at] > 0 and not truth.fresh[at]]
    first = [truth.products[at][0] for at in (tail[-1], *liked[:BESTSELLERS])]
    visitors = list(dict.fromkeys(event.visitor_id for event in reversed(history)))[:people]
    contexts = [context for name in visitors if (context := _context(engine, name))]
    return Shop(engine, contexts, engine.knowledge.catalogue.item_of(first[0]), first[1:])


def _context(engine: Engine, visitor_id: str) -> Context | None:
    """Take a visitor as they are: some are in the middle of a visit, some come back to a new one."""
    visitor = engine.visitor(visitor_id)
    if visitor is None or visitor.session is None:
        return None
    moment = moment_of(visitor, visitor.session, visitor.session.last_ms)
    return context_of(visitor_id, moment, SessionRules())


def attack(visitor_id: str, there: Shop) -> Iterator[Event]:
    """Tell a day of somebody who pushes the target as fast as no bot's limit minds.

    They look at a bestseller and then at the target, put it into the cart and buy it, and claim to have found it at the
    far end of a slate.
    """
    product = there.engine.knowledge.facts.speakers[there.engine.knowledge.facts.row_of(there.target)]
    number = 0
    for visit in range(VISITS):
        for turn in range(ROUNDS):
            bestseller = there.bestsellers[(visit + turn) % BESTSELLERS]
            for name, what in (
                ("view_item", bestseller), ("view_item", product), ("impression", product), ("select_item", product),
                ("add_to_cart", product), ("purchase", product),
            ):  # fmt: skip
                number += 1
                at = ATTACKED + timedelta(minutes=40 * visit, seconds=15 * turn + number % 6)
                yield _act(f"{visitor_id}-{number}", name, visitor_id, what, at)


def _act(event_id: str, name: EventName, visitor_id: str, product: str, at: datetime) -> Event:
    claims = name in {"impression", "select_item"}
    return Event(
        event_id=event_id, name=name, visitor_id=visitor_id, at=at, items=(Item(product_id=product),),
        page=Page(view_id=event_id), consent="personalisation",
        context=Landing(country="NL", device="mobile"),
        shown=Shown(slate_id=f"s-{event_id}", placement="home", rank=HOME.size) if claims else None,
    )  # fmt: skip


def told(visitors: Sequence[int]) -> Iterator[str]:
    """Write what each number of attackers comes to, line by line."""
    yield "| attackers | home slates that show the product | its mean rank |"
    yield "|---|---|---|"
    for count in visitors:
        attacked = shop()
        before = attacked.exposure()
        attacked.attack(count)
        after = attacked.exposure()
        yield f"| {count} | {before.share:.1%} -> {after.share:.1%} | {before.rank:.1f} -> {after.rank:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 50], metavar="N")
    for line in told(parser.parse_args().visitors):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""What is asked of the engine before an event, and what would have been the right answer."""

from array import array
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, NamedTuple

import numpy as np

from models.facts import FactTable
from models.kernel import hash63
from models.scoring import CLICKS
from models.session import Applied, Context
from schemas.events import Event

Task = Literal["next", "cart"]
Targets = Literal["all", "other", "new"]

COLD = "cold products"
"""The table of what had hardly been learned: of each query, only such products count as right."""

TABLES = ("next click", "first click", "purchase", "cart", COLD)

MOST_PEOPLE = 500_000
MOST_BOUGHT = 2_000
"""Customers, and products of each, that are remembered as bought; the oldest go first."""


class Query(NamedTuple):
    """One question.

    Args:
        table: which table it counts in.
        relevant: rows of the right items, distinct.
        hidden: rows that no list may hold, int32.
        awaited: the one of them a training row is made of.
        context: what the engine is told instead of the visitor's own context; None to tell it that.
    """

    table: str
    relevant: tuple[int, ...]
    hidden: np.ndarray
    awaited: int
    context: Context | None = None


def fingerprint(query: Query, event_id: str) -> int:
    """Hash what is asked, before which event: two evaluations can be compared query by query where it is the same."""
    return hash63(f"{event_id} {query.table} {query.relevant} {query.hidden.tolist()}")


@dataclass(frozen=True)
class Questions:
    """Turns events into queries.

    Args:
        task: `next` asks for what comes next, `cart` for the other half of a basket.
        targets: `all`; `other` than the session's current product; `new` to the session, or to a customer who buys.
        without_current: the current product is left out of every list and stays a target, as Serenade counts.
    """

    task: Task
    targets: Targets
    without_current: bool = False

    def of(self, applied: Applied, facts: FactTable, bought: "Bought") -> Query | None:
        """Ask about an event, None where it is no answer to anything."""
        event = applied.event
        if event.name in CLICKS and event.items and self.task == "next" and _is_asked(applied):
            return self._click(event, applied.context_before, facts)
        if event.name == "purchase":
            rows = dict.fromkeys(row for item in event.items if (row := facts.row_of(item.product_id)))
            return self._basket(event, tuple(rows), applied.context_before, facts, bought)
        return None

    def _click(self, event: Event, context: Context, facts: FactTable) -> Query | None:
        target = facts.row_of(event.items[0].product_id)
        current = facts.rows_of(context.views[-1:])
        hidden = facts.rows_of(context.views) if self.targets == "new" else current
        if self.targets == "all" and not self.without_current:
            hidden = hidden[:0]
        if not target or (self.targets != "all" and target in hidden):
            return None
        table = "next click" if context.steps else "first click"
        return Query(table, (target,), hidden, target)

    def _basket(
        self, event: Event, rows: tuple[int, ...], context: Context, facts: FactTable, bought: "Bought"
    ) -> Query | None:
        random = Random(hash63(event.event_id))
        hidden = np.array(bought.of(_buyer(event)) if self.targets == "new" else (), np.int32)
        if self.task == "cart":
            cart = random.sample(rows, len(rows) // 2)
            products = tuple(facts.speakers[row] for row in cart)
            steps = (*context.steps, *((product, 3.0) for product in products))
            context = replace(context, cart=products, steps=steps, views=(*context.views, *products))
            hidden = np.array([*hidden.tolist(), *cart], np.int32)
        absent = set(hidden.tolist())
        relevant = tuple(row for row in rows if row not in absent)
        if not relevant or (self.task == "cart" and not context.cart):
            return None
        table = "cart" if self.task == "cart" else "purchase"
        return Query(table, relevant, hidden, random.choice(relevant), context if self.task == "cart" else None)


def _is_asked(applied: Applied) -> bool:
    """Say whether a click is one of its own: not sent twice, and not the page of the click before it.

    Bots are served, so they ask; only nothing is learned from them.
    """
    return applied.step is not None or applied.note == "bot"


class Bought:
    """What everybody has bought so far, by row."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, array[int]] = OrderedDict()

    def copied(self) -> "Bought":
        """Give a copy that goes its own way; what somebody has bought is replaced, never changed."""
        other = Bought()
        other._of = self._of.copy()
        return other

    def of(self, buyer: str) -> Collection[int]:
        """Give the rows a buyer has bought."""
        return self._of.get(buyer, ())

    def add(self, event: Event, facts: FactTable) -> None:
        """Take an event; only purchases count."""
        if event.name != "purchase":
            return
        rows = dict.fromkeys(row for item in event.items if (row := facts.row_of(item.product_id)))
        buyer = _buyer(event)
        before = self._of.pop(buyer, ())
        together = [*(row for row in before if row not in rows), *rows]
        self._of[buyer] = array("i", together[-MOST_BOUGHT:])
        if len(self._of) > MOST_PEOPLE:
            self._of.popitem(last=False)


def _buyer(event: Event) -> str:
    return event.user_id or event.visitor_id

"""Slates for visitors of whom nothing may be known: asked of the workers once per context, and shown to all."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from schemas.record import epoch_ms
from streams.gateway.catalogue_log import LiveCatalogue, utc_now
from streams.gateway.cleaning import Taken
from streams.gateway.context import Context
from streams.gateway.held_slate import HeldSlate
from streams.gateway.hub import Hub
from streams.gateway.sending import BusyError, EventLog
from streams.gateway.shelves import Shelves
from streams.telemetry import count

log = logging.getLogger(__name__)

WAIT_S = 0.3
"""A page waits so long for the first slate of its context."""

AGAIN_S = 5.0
"""A context that was not answered is asked for again after so long."""

FRESH = 0.5
"""In the last half of its life a slate is shown and asked for anew."""


RESERVED = 0.25
"""This part of the budget is for what any page shows: who makes up contexts cannot spend it."""


class Contextual:
    """The slates of contexts.

    Args:
        log: where events go; None asks for nothing.
        hub: tells of slates that come.
        shelves: the slates that there are.
        products: tells which products exist.
        per_s: most events written a second; 0 asks for nothing.
        clock: monotonic seconds.
        now: the time.
    """

    def __init__(
        self,
        log: EventLog | None,
        *,
        hub: Hub,
        shelves: Shelves,
        products: LiveCatalogue,
        per_s: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._log = log
        self._hub = hub
        self._shelves = shelves
        self._products = products
        self._per_s = per_s
        self._clock = clock
        self._now = now
        self._budget = self._most = max(1.0, per_s)
        self._counted = clock()
        self._flying: dict[str, asyncio.Task[None]] = {}

    async def slate(self, context: Context) -> HeldSlate | None:
        """Give the slate of a context; while there is none yet, that of the nearest broader one."""
        if context.placement == "product" and not self._products.known(context.anchor):
            count("gateway_contextual", outcome="unknown")
            return None
        found = self._held(context)
        if found is None:
            self._ask(context.broadest, unless_held=True)
            if (flight := self._ask(context)) is not None:
                await asyncio.wait({flight}, timeout=WAIT_S)
            found = self._held(context)
        elif self._fades(found):
            self._ask(context)
        exact = found is not None
        if found is None:
            found = next(filter(None, map(self._held, context.broader())), None)
        count("gateway_contextual", outcome="exact" if exact else "broader" if found else "none")
        return found

    def _held(self, context: Context) -> HeldSlate | None:
        return self._shelves.newest(context.visitor_id, context.placement, context.anchor)

    def _fades(self, slate: HeldSlate) -> bool:
        return epoch_ms(self._now()) > slate.event_ms + FRESH * (slate.expires_ms - slate.event_ms)

    def _ask(self, context: Context, *, unless_held: bool = False) -> "asyncio.Task[None] | None":
        """Ask the workers, unless somebody has; None where that may not be."""
        visitor_id = context.visitor_id
        if self._log is None or (unless_held and self._held(context) is not None):
            return None
        flight = self._flying.get(visitor_id)
        if flight is None:
            if not self._affords(context):
                count("gateway_contextual", outcome="over_budget")
                return None
            flight = self._flying[visitor_id] = asyncio.create_task(self._fly(context, self._log))
            flight.add_done_callback(lambda _: self._flying.pop(visitor_id, None))
        return flight

    def _affords(self, context: Context) -> bool:
        now = self._clock()
        self._budget = min(self._most, self._budget + (now - self._counted) * self._per_s)
        self._counted = now
        reserved = 0.0 if context == Context(context.placement) else RESERVED * self._per_s
        if self._per_s <= 0 or self._budget < 1 + min(reserved, self._most - 1):
            return False
        self._budget -= 1
        return True

    async def _fly(self, context: Context, to: EventLog) -> None:
        """Write the event, and wait for its slate."""
        before, event = self._held(context), context.event(self._now())
        until = self._clock() + AGAIN_S
        count("gateway_contextual", outcome="asked")
        try:
            missing = await to.send([Taken(event, event.encode())], "gateway")
        except BusyError as error:
            log.debug("nothing was asked for: %s", error)
            missing = frozenset({0})
        if missing:
            count("gateway_contextual", outcome="unsent")
        while self._held(context) is before and (left := until - self._clock()) > 0:
            await self._hub.arrival(event.visitor_id, within_s=left)

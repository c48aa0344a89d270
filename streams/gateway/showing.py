"""Shelves as JSON: what pages get, by whichever way."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import orjson

from streams.gateway.catalogue_log import LiveCatalogue, utc_now
from streams.gateway.delivery import delivered
from streams.gateway.held_slate import HeldSlate

KEPT = 512
KEPT_S = 1.0
"""A shelf that many ask for is written once a second, and whenever a product changes."""


class _Written(NamedTuple):
    version: int
    until: float
    body: bytes


class Showcase:
    """Writes slates as shelves, with the catalogue as it is now.

    Args:
        products: the catalogue.
        now: the time.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        products: LiveCatalogue,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._products = products
        self._now = now
        self._clock = clock
        self._contextual: OrderedDict[tuple[str, int, str | None], _Written] = OrderedDict()

    def write(self, slate: HeldSlate, *, country: str | None = None) -> bytes:
        """Write a visitor's slate."""
        return orjson.dumps(delivered(slate, self._products.catalogue, at=self._now(), country=country))

    def write_contextual(self, slate: HeldSlate, *, country: str | None = None) -> bytes:
        """Write a slate of nobody in particular."""
        key = slate.slate_id, slate.revision, country
        known, now = self._contextual.get(key), self._clock()
        if known is not None and known.version == self._products.version and now < known.until:
            return known.body
        shelf = delivered(slate, self._products.catalogue, at=self._now(), country=country, contextual=True)
        body = orjson.dumps(shelf)
        self._contextual[key] = _Written(self._products.version, now + KEPT_S, body)
        self._contextual.move_to_end(key)
        if len(self._contextual) > KEPT:
            self._contextual.popitem(last=False)
        return body

"""Wiring of the slates' side: from `recommendations` to pages."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastapi import APIRouter

from models.catalogue import Catalogue
from streams.bootstrap import constants_of
from streams.follower import Follower
from streams.gateway.callers import Callers
from streams.gateway.catalogue_log import LiveCatalogue
from streams.gateway.contextual import Contextual
from streams.gateway.erasure_log import ErasuresFold
from streams.gateway.followed import Followed
from streams.gateway.hub import Hub
from streams.gateway.recommending import Recommending, recommending
from streams.gateway.sending import EventLog
from streams.gateway.shelves import Shelves
from streams.gateway.showing import Showcase
from streams.gateway.slate_log import SlateLog
from streams.gateway.streaming import streaming
from streams.kafka import aiokafka_config, is_embedded
from streams.settings import Settings
from streams.web.service import Service
from streams.world import ProductsFold

WAIT_MS, EMBEDDED_WAIT_MS = 500, 50
APPLIED_FOR_S = 0.003
"""Slates on their way to pages wait so long for the catalogue at most."""


class Feed(NamedTuple):
    """What the gateway serves and runs for slates, and what it tells them.

    `catalogue` changes as the shop's does; `forget` is told of every browser's `forget`; `leave` ends open streams.
    """

    catalogue: Catalogue
    routers: Sequence[APIRouter]
    services: Sequence[Service]
    forget: Callable[[str], None]
    leave: Callable[[], None]


def build_feed(settings: Settings, callers: Callers, log: EventLog | None) -> Feed:
    """Build the slates' side.

    Args:
        settings: the installation's.
        callers: who asks.
        log: where events go that ask for contextual slates.
    """
    shelves, products = Shelves(settings.gateway_cache_mb << 20), LiveCatalogue()
    hub = Hub(shelves, products, limit=settings.gateway_streams)
    showcase = Showcase(products)
    contextual = Contextual(log, hub=hub, shelves=shelves, products=products, per_s=settings.gateway_contextual_per_s)
    client, topics = aiokafka_config(settings), settings.topics
    catalogue, erasures = (
        Follower(
            fold,
            client=client,
            topics=topics,
            strict=False,
            max_wait_ms=EMBEDDED_WAIT_MS if is_embedded() else WAIT_MS,
            applied_for_s=APPLIED_FOR_S,
        )
        for fold in (ProductsFold(products), ErasuresFold(hub.erase))
    )
    expires_s = constants_of(settings).slates.expires_s
    return Feed(
        catalogue=products.catalogue,
        routers=[
            recommending(Recommending(shelves, contextual, showcase), callers),
            streaming(hub, showcase, callers),
        ],
        services=[
            hub,
            SlateLog(settings, hub.take, lookback_s=expires_s),
            Followed(catalogue, what="catalogue", applied=hub.products_changed),
            Followed(erasures, what="erasures"),
        ],
        forget=hub.forget,
        leave=hub.leave,
    )

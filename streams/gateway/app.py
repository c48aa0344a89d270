"""Wiring of the gateway."""

import logging
from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware

from models.catalogue import Catalogue
from streams.gateway.callers import Callers
from streams.gateway.collecting import Collector, events_router
from streams.gateway.feed import build_feed
from streams.gateway.forgetting import ForgettingLog
from streams.gateway.origins import Origins, Readable
from streams.gateway.sending import KafkaEventLog
from streams.gateway.tracker_files import tracker_files
from streams.gateway.visitor_cookie import VisitorCookies, new_secret
from streams.gateway.visitors import visitors
from streams.settings import Settings
from streams.web.guards import HostGuard, RateLimit, SecurityHeaders
from streams.web.keys import KeyRing
from streams.web.site import build_site
from streams.web_settings import listed

TITLE = "aisle gateway"

log = logging.getLogger(__name__)


Pages = Callable[[Catalogue], Sequence[APIRouter]]
"""Builds further routes from the catalogue that the gateway follows."""


def no_pages(_: Catalogue) -> Sequence[APIRouter]:
    """Serve nothing but the gateway."""
    return ()


def build_gateway(settings: Settings, *, pages: Pages = no_pages, documented: bool = False) -> FastAPI:
    """Build the gateway.

    Args:
        settings: the installation's.
        pages: what else it serves, such as a demo's shop.
        documented: serve pages about the routes, too.

    Raises:
        RefusedError: no brokers are set, or the file of keys cannot be used.
    """
    keys, events = KeyRing(settings.keys_file), KafkaEventLog(settings)
    cookies = VisitorCookies(_secrets(settings), days=settings.gateway_cookie_days)
    callers = Callers(cookies, keys, settings)
    feed = build_feed(settings, callers, events)
    forgetting = ForgettingLog(events, feed.forget)
    collector = events_router(Collector(forgetting, keys, cookies, settings))
    routers = [tracker_files(), collector, *feed.routers, visitors(forgetting, callers), *pages(feed.catalogue)]
    if settings.console_url:
        routers.append(_console(settings.console_url))
    services = [events, *feed.services]
    return build_site(
        title=TITLE, routers=routers, services=services, guards=_guards(settings, keys), documented=documented,
        leave=feed.leave,
    )  # fmt: skip


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Give the secrets that sign cookies; where none are set, one that is gone with the process."""
    if not settings.own_secrets:
        log.warning("AISLE_GATEWAY_SECRETS is not set: after a restart, and for another gateway, visitors are new")
    return settings.own_secrets or (new_secret(),)


def _guards(settings: Settings, keys: KeyRing) -> list[Middleware]:
    return [
        Middleware(SecurityHeaders),
        Middleware(Readable, origins=Origins(listed(settings.gateway_origins))),
        Middleware(HostGuard, hosts=listed(settings.gateway_hosts)),
        Middleware(RateLimit, keys=keys, per_s=settings.gateway_address_rate),
    ]


def _console(url: str) -> APIRouter:
    """Lead operators to where the console is."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def console() -> RedirectResponse:
        return RedirectResponse(f"{url.rstrip('/')}/console", 307)

    return router

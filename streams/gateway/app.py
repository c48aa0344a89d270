"""Wiring of the gateway."""

import logging
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware

from streams.gateway.collecting import Collector, events_router
from streams.gateway.sending import KafkaEventLog
from streams.gateway.visitor_cookie import VisitorCookies, new_secret
from streams.settings import Settings
from streams.web.guards import HostGuard, RateLimit, SecurityHeaders
from streams.web.keys import KeyRing
from streams.web.service import Service
from streams.web.site import build_site
from streams.web_settings import listed

TITLE = "aisle gateway"

log = logging.getLogger(__name__)


def build_gateway(settings: Settings, *, pages: Sequence[APIRouter] = (), documented: bool = False) -> FastAPI:
    """Build the gateway.

    Args:
        settings: the installation's.
        pages: what else it serves, such as a demo's shop.
        documented: serve pages about the routes, too.

    Raises:
        RefusedError: no brokers are set, or the file of keys cannot be used.
    """
    keys, cookies = KeyRing(settings.keys_file), VisitorCookies(_secrets(settings))
    collector, event_log = _collector(settings, keys, cookies)
    routers = [*pages, collector, *([_console(settings.console_url)] if settings.console_url else ())]
    return build_site(
        title=TITLE, routers=routers, services=[event_log], guards=_guards(settings), documented=documented
    )


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Give the secrets that sign cookies; where none are set, one that is gone with the process."""
    if not settings.own_secrets:
        log.warning("AISLE_GATEWAY_SECRETS is not set: after a restart, and for another gateway, visitors are new")
    return settings.own_secrets or (new_secret(),)


def _collector(settings: Settings, keys: KeyRing, cookies: VisitorCookies) -> tuple[APIRouter, Service]:
    """Let events in."""
    event_log = KafkaEventLog(settings)
    return events_router(Collector(event_log, keys, cookies, settings)), event_log


def _guards(settings: Settings) -> list[Middleware]:
    return [
        Middleware(SecurityHeaders),
        Middleware(HostGuard, hosts=listed(settings.gateway_hosts)),
        Middleware(RateLimit, per_s=settings.gateway_address_rate),
    ]


def _console(url: str) -> APIRouter:
    """Lead operators to where the console is."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def console() -> RedirectResponse:
        return RedirectResponse(f"{url.rstrip('/')}/console", 307)

    return router

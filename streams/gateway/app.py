"""Wiring of the gateway."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware

from streams.settings import Settings
from streams.web.guards import HostGuard, RateLimit, SecurityHeaders
from streams.web.site import build_site
from streams.web_settings import listed

TITLE = "aisle gateway"


def build_gateway(settings: Settings, *, pages: Sequence[APIRouter] = (), documented: bool = False) -> FastAPI:
    """Build the gateway.

    Args:
        settings: the installation's.
        pages: what else it serves, such as a demo's shop.
        documented: serve pages about the routes, too.
    """
    routers = [*pages, *([_console(settings.console_url)] if settings.console_url else ())]
    return build_site(title=TITLE, routers=routers, services=(), guards=_guards(settings), documented=documented)


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

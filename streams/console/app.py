"""Wiring of the console."""

import ipaddress
import threading
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from schemas.errors import RefusedError
from streams.console.asking import figures_router, visitors_router
from streams.console.audit import AuditLog
from streams.console.entering import Door, door_router
from streams.console.guard import ANSWERED_WITH, OwnPages
from streams.console.operators import Operators
from streams.console.watching import Watching
from streams.gateway.visitor_cookie import VisitorCookies
from streams.settings import Settings
from streams.web.guards import HostGuard, SecurityHeaders
from streams.web.keys import KeyRing
from streams.web.site import build_site
from streams.web_settings import listed

TITLE = "aisle console"
AUDIT = "console-audit.log"


def build_console(settings: Settings, client: Mapping[str, Any]) -> FastAPI:
    """Build the console.

    Args:
        settings: the installation's, of the generation in force.
        client: keyword arguments that every aiokafka client takes.

    Raises:
        RefusedError: nobody could come in, or everybody from anywhere.
    """
    check_door(settings)
    operators = Operators(KeyRing(settings.keys_file), everybody=settings.console_open)
    door = Door(operators, AuditLog(settings.data_dir / AUDIT))
    watching = Watching(settings, client)
    cookies = VisitorCookies(settings.own_secrets, days=settings.gateway_cookie_days)
    routers = [door_router(door), figures_router(watching, door, cookies), visitors_router(watching, door)]
    leaving = threading.Event()
    guards = [
        Middleware(SecurityHeaders, more=ANSWERED_WITH),
        Middleware(HostGuard, hosts=listed(settings.console_hosts)),
        Middleware(OwnPages),
    ]
    app = build_site(title=TITLE, routers=routers, services=watching.services, guards=guards, leave=leaving.set)
    app.state.leaving = leaving.is_set  # what open streams ask
    app.state.watching = watching
    return app


def check_door(settings: Settings) -> None:
    """Refuse settings that would let nobody in, or everybody.

    Raises:
        RefusedError: says what to set.
    """
    if settings.console_open and not _loopback(settings.console_host):
        raise RefusedError(
            f"AISLE_CONSOLE_OPEN lets anybody in, and {settings.console_host} can be reached from elsewhere: listen at "
            "127.0.0.1, or make a key with `aisle keys add NAME --role view`."
        )
    if not settings.console_open and settings.keys_file is None:
        raise RefusedError(
            "Nobody could log in to the console: make a key with `aisle keys add NAME --role view` and set "
            "AISLE_KEYS_FILE."
        )
    if not listed(settings.console_hosts):
        raise RefusedError("AISLE_CONSOLE_HOSTS is empty: list the names the console is called by.")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""What every request to the console has to pass, and what every answer says to the browser."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

ANSWERED_WITH = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

App = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """Refuse requests that call the console by another name, or that another page makes.

    The name is checked on a loopback address too: a page whose name turns out to be 127.0.0.1 is on the same origin as
    the console, and would read it.

    Args:
        app: what is guarded.
        hosts: names the console is called by, without ports.
    """

    def __init__(self, app: App, *, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ANSWERED_WITH.items():
                    headers.setdefault(name, value)
            await send(message)

        if refusal is None:
            await self._app(scope, receive, answer)
        else:
            await PlainTextResponse(refusal[1] + "\n", refusal[0])(scope, receive, answer)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or name_of(hosts[0]) not in self._hosts:
            return 421, "The console is not called by this name: AISLE_CONSOLE_HOSTS lists those it is."
        if method not in SAFE and not _own(headers, hosts[0]):
            return 403, "This was asked by another page."
        return None


def name_of(host: str) -> str:
    """Take the port off a Host header.

    >>> name_of("Localhost:8081"), name_of("[::1]:8081"), name_of("[::1]")
    ('localhost', '::1', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _own(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    return urlsplit(origin).netloc.lower() == host.lower()

"""What the console asks of requests, and says to browsers, besides what every web process does."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from streams.web.guards import App, Receive, Scope, Send, refuse

ANSWERED_WITH: Mapping[bytes, bytes] = {
    b"referrer-policy": b"same-origin",  # with no-referrer, a form says "Origin: null", and nobody could log in
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class OwnPages:
    """Refuse what another page asks for that changes something, though the browser sends the cookie along.

    Args:
        app: what is guarded; the name it is called by was checked.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "http" and scope["method"] not in SAFE and not _own(Headers(scope=dict(scope))):
            await refuse(send, 403, "This was asked by another page.\n")
            return
        await self._app(scope, receive, send)


def _own(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    try:
        return urlsplit(origin).netloc.lower() == headers["host"].lower()
    except ValueError:
        return False

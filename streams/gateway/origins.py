"""Whose pages may talk to the gateway: its own, and those of shops that are named."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request

from streams.web.guards import App, Receive, Scope, Send, adding

PREFLIGHT_S = 7200
"""Browsers ask again after two hours at the latest."""


class Origins:
    """Tell own and named pages from others.

    Args:
        listed: origins besides the gateway's own, as browsers write them: `https://shop.example`.
    """

    def __init__(self, listed: Sequence[str]) -> None:
        self._listed = frozenset(origin.rstrip("/").lower() for origin in listed)

    def check(self, request: Request) -> None:
        """Let a page in.

        Raises:
            HTTPException: 403, it is a foreign one, or nobody says which.
        """
        origin = request.headers.get("origin")
        if origin is None:
            if request.headers.get("sec-fetch-site") != "same-origin":
                raise HTTPException(403, "no Origin: a page's browser sends it, a server needs an API key")
        elif not self._is_own(request, origin) and origin not in self._listed:
            raise HTTPException(403, "a foreign origin: AISLE_GATEWAY_ORIGINS lists those that may send")

    def headers(self, request: Request) -> dict[str, str]:
        """Give what lets a named origin's page read the answer; never `*`, since cookies go with it."""
        if not self._listed:
            return {}
        origin = request.headers.get("origin")
        if origin not in self._listed:
            return {"vary": "Origin"}
        return {
            "vary": "Origin",
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "Retry-After",
        }

    def preflight(self, request: Request, *, methods: str) -> dict[str, str]:
        """Give what a named origin's page may send.

        Raises:
            HTTPException: 403, it is no named one's.
        """
        found = self.headers(request)
        if "access-control-allow-origin" not in found:
            raise HTTPException(403, "a foreign origin: AISLE_GATEWAY_ORIGINS lists those that may send")
        return found | {
            "access-control-allow-methods": methods,
            "access-control-allow-headers": "content-type",
            "access-control-max-age": str(PREFLIGHT_S),
        }

    @staticmethod
    def _is_own(request: Request, origin: str) -> bool:
        return origin == f"{request.scope['scheme']}://{request.headers.get('host', '').lower()}"


class Readable:
    """Let pages of named origins read whatever is answered: a tracker could not tell a refusal from a broken network.

    Args:
        app: what answers.
        origins: tells whose page asks.
    """

    def __init__(self, app: App, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers of the origin that asks."""
        if scope["type"] == "http":
            headers = self._origins.headers(Request(scope))
            pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
            send = adding(send, pairs, unless=b"access-control-allow-origin")
        await self._app(scope, receive, send)

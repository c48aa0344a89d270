"""What every answer says, and which requests get none: plain ASGI, since each of them is on every request's way."""

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from streams.web.buckets import Buckets, retry_after
from streams.web.gate import Anonymous
from streams.web.keys import KeyRing, bearer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

HEADERS: Mapping[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"x-frame-options": b"DENY",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"content-security-policy": CONTENT_POLICY.encode(),
}
OVER_TLS = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Tell browsers what this site never does; a route that says otherwise is left alone.

    Args:
        app: what answers.
        more: of this site, besides or instead of what every site says.
    """

    def __init__(self, app: App, more: Mapping[bytes, bytes] | None = None) -> None:
        self._app = app
        self._headers = {**HEADERS, **(more or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        always = [*self._headers.items(), *([OVER_TLS] if scope.get("scheme") == "https" else [])]
        await self._app(scope, receive, adding(send, always))


class HostGuard:
    """Serve only those who call this site by one of its names: a page elsewhere may point its own name here.

    Args:
        app: what is guarded.
        hosts: names without port; none for any.
    """

    def __init__(self, app: App, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer who calls by one of the names."""
        if scope["type"] == "http" and self._hosts and host_of(scope) not in self._hosts:
            await refuse(send, 421, "There is nothing under this name here.\n")
            return
        await self._app(scope, receive, send)


class RateLimit:
    """So many requests a second from one address; servers, whose key is known, are not counted.

    Args:
        app: what is guarded.
        keys: of servers.
        per_s: in the long run; ten times that in a burst.
        free: paths that are not counted, such as what probes ask for.
    """

    def __init__(
        self, app: App, *, keys: KeyRing, per_s: float, free: Collection[str] = ("/healthz", "/readyz")
    ) -> None:
        self._app = app
        self._keys = keys
        self._buckets = Buckets(per_s=per_s, burst=10 * per_s)
        self._free = frozenset(free)
        self._name = Anonymous()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer who has not asked too often."""
        if scope["type"] == "http" and scope["path"] not in self._free and not self._is_server(scope):
            client = scope.get("client")
            wait_s = self._buckets.take(self._name(client[0] if client else ""))
            if wait_s:
                more = ((b"retry-after", retry_after(wait_s).encode()),)
                await refuse(send, 429, "Too many requests: wait a little.\n", more)
                return
        await self._app(scope, receive, send)

    def _is_server(self, scope: Scope) -> bool:
        key = bearer(_authorization(scope))
        holder = None if key is None else self._keys.holder(key)
        return holder is not None and holder.role == "server"


def _authorization(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")


def host_of(scope: Scope) -> str:
    """Give the name a site is called by, without port, in small letters; "" where there is not one name.

    >>> host_of({"headers": [(b"host", b"Shop.example:8080")]}), host_of({"headers": [(b"host", b"[::1]:80")]})
    ('shop.example', '[::1]')
    """
    names = [value for name, value in scope["headers"] if name == b"host"]
    found: str = names[0].decode("latin-1").lower() if len(names) == 1 else ""
    name, _, port = found.rpartition(":")
    return name if name and port.isdigit() and not name.endswith(":") else found


def adding(send: Send, pairs: Collection[tuple[bytes, bytes]], *, unless: bytes = b"") -> Send:
    """Answer with headers more, where the answer does not say something else by them; none where it says `unless`."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"] = list(message.get("headers", ()))
            said = {name for name, _ in headers}
            headers.extend(pair for pair in pairs if unless not in said and pair[0] not in said)
        await send(message)

    return answer


async def refuse(send: Send, status: int, text: str, headers: Collection[tuple[bytes, bytes]] = ()) -> None:
    """Answer with a sentence."""
    body = text.encode()
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *headers]})
    await send({"type": "http.response.body", "body": body})

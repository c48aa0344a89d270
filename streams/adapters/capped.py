"""An HTTP transport that stops reading: what a server sends costs neither memory nor time beyond a limit."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    import httpx2

FIRST_ERROR = 400


class TooLongError(Exception):
    """There is more of a body than is read."""


def capped_transport(limit: int) -> httpx2.AsyncBaseTransport:
    """Make a transport that reads so many bytes of a body, and closes the connection on more.

    An error's body is cut there, its status is enough. Nothing is unpacked (a few bytes may hold gigabytes): servers
    are asked for plain bodies, one that packs all the same is read as it is. No proxy is taken from the environment.

    Args:
        limit: bytes; a longer body that is no error raises `TooLongError` where it is read.
    """
    import httpx2

    class Capped(httpx2.AsyncByteStream):
        def __init__(self, response: httpx2.Response) -> None:
            self._response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = limit
            async for chunk in self._response.aiter_raw():
                if len(chunk) > left:
                    if self._response.status_code < FIRST_ERROR:
                        raise TooLongError
                    yield chunk[:left]
                    return
                left -= len(chunk)
                yield chunk

        async def aclose(self) -> None:
            await self._response.aclose()

    class CappedTransport(httpx2.AsyncBaseTransport):
        def __init__(self) -> None:
            self._inner = httpx2.AsyncHTTPTransport(verify=_trust())

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await self._inner.handle_async_request(request)
            plain = [(name, value) for name, value in response.headers.raw if name.lower() != b"content-encoding"]
            return httpx2.Response(
                response.status_code, headers=plain, stream=Capped(response), extensions=response.extensions
            )

        async def aclose(self) -> None:
            await self._inner.aclose()

    return CappedTransport()


@cache
def _trust() -> ssl.SSLContext:
    """Read the certificates that are trusted, once: the machine's, or those that SSL_CERT_FILE names."""
    import httpx2

    return httpx2.create_ssl_context()

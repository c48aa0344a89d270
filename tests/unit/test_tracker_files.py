"""The gateway serves the tracker to any shop."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from streams.gateway.tracker_files import tracker_files
from streams.tracker import MEDIA_TYPE, TrackerFile, module, script
from streams.web.site import build_site


def _get(path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build_site(title="gateway", routers=[tracker_files()], services=()))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize(("path", "file"), [("/aisle.js", script), ("/aisle.mjs", module)])
def test_both_forms_are_served_to_every_origin(path: str, file: Callable[[], TrackerFile]) -> None:
    """The classic script and the module come as they are, for pages of any shop."""
    answer = _get(path)
    assert (answer.status_code, answer.content) == (200, file().body)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["access-control-allow-origin"] == "*"


def test_what_a_browser_has_is_not_sent_again() -> None:
    """A known file is 304, an older one is sent."""
    etag = module().etag
    assert _get("/aisle.mjs", **{"If-None-Match": f'"old", W/{etag}'}).status_code == 304
    assert _get("/aisle.mjs", **{"If-None-Match": '"old"'}).status_code == 200

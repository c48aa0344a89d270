"""The tracker as pages load it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Response

from streams.tracker import MEDIA_TYPE, TrackerFile, module, script

HEADERS = {
    "Cache-Control": "public, max-age=600, stale-while-revalidate=86400",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Shops at other origins load it, too; it is the same for everybody."""


def tracker_files() -> APIRouter:
    """Build the routes: the classic script, and the ES module."""
    router = APIRouter(include_in_schema=False)
    for path, file in (("/aisle.js", script), ("/aisle.mjs", module)):
        router.add_api_route(path, _answering(file), methods=["GET", "HEAD"])
    return router


def _answering(file: Callable[[], TrackerFile]) -> Callable[..., object]:
    async def answer(if_none_match: Annotated[str, Header()] = "") -> Response:
        body, etag = file()
        headers = {**HEADERS, "ETag": etag}
        known = etag in (one.strip().removeprefix("W/") for one in if_none_match.split(","))
        return Response(status_code=304, headers=headers) if known else Response(body, 200, headers, MEDIA_TYPE)

    return answer

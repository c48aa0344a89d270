"""A request's body: bounded in bytes and time, and JSON."""

import asyncio
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

TYPES = frozenset({"application/json", "text/plain"})
"""`text/plain` is what a page may send anywhere without asking first (`navigator.sendBeacon`)."""

WITHIN_S = 10.0


async def read_json(request: Request, *, most: int) -> Any:
    """Read and parse a body.

    Args:
        request: whose body was not read yet.
        most: bytes.

    Raises:
        HTTPException: 400 no JSON, 408 too slow, 413 too long, 415 something else than JSON.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TYPES:
        raise HTTPException(415, "application/json, or text/plain with JSON in it")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "not compressed")
    try:
        async with asyncio.timeout(WITHIN_S):
            body = await _read(request, most)
    except TimeoutError:
        raise HTTPException(408, f"the body did not come within {WITHIN_S:.0f} s", {"connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the body ended early") from None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"not JSON: line {error.lineno} column {error.colno}") from None


async def _read(request: Request, most: int) -> bytes:
    too_long = HTTPException(413, f"at most {most} bytes", {"connection": "close"})
    if (length := request.headers.get("content-length", "")).isdigit() and int(length) > most:
        raise too_long
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_long
        parts.append(part)
    return b"".join(parts)

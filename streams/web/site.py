"""The frame of a web process: its routes, what works beside them, and how it says whether it is well."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware import Middleware

from streams.web.service import Service, running


def build_site(
    *,
    title: str,
    routers: Sequence[APIRouter],
    services: Sequence[Service],
    guards: Sequence[Middleware] = (),
    documented: bool = False,
    leave: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Build a web process's application.

    Args:
        title: of the OpenAPI document.
        routers: what it serves.
        services: what works beside; once `app.state.started` is set, `app.state.work` ends when one of them does.
        guards: what every request goes through, outermost first.
        documented: serve pages about the routes at `/docs`, too.
        leave: called when the process is about to stop: ends answers that would go on for ever.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(services) as app.state.work:
            app.state.started.set()
            yield

    app = FastAPI(
        title=title,
        lifespan=lifespan,
        middleware=list(guards),
        docs_url="/docs" if documented else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(RequestValidationError, _wrong)
    app.state.started = asyncio.Event()
    app.state.leave = leave
    app.include_router(_health(services))
    for router in routers:
        app.include_router(router)
    return app


def _health(services: Sequence[Service]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return _verdict([reason for service in services for reason in service.stuck()])

    @router.get("/readyz")
    async def readyz() -> Response:
        return _verdict([reason for service in services for reason in (*service.lacks(), *service.stuck())])

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _wrong(_: Request, error: Exception) -> Response:
    """Say what is wrong with a request, and nothing of what it was: not everything a sender writes can be written back.

    FastAPI's own answer fails for NaN and for half of a surrogate pair.
    """
    assert isinstance(error, RequestValidationError)
    found = [{name: one[name] for name in ("loc", "msg", "type")} for one in error.errors()]
    return JSONResponse({"detail": found}, 422)


def _verdict(why_not: list[str]) -> Response:
    text = "\n".join(why_not or ["ok"]) + "\n"
    return Response(text, 503 if why_not else 200, media_type="text/plain; charset=utf-8")

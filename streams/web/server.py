"""Listen, until told to stop or until what works beside the requests fails."""

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from schemas.errors import RefusedError
from streams.web.gate import Gate
from streams.web.protocol import guarded

log = logging.getLogger(__name__)

BACKLOG = 2048
KEEP_ALIVE_S = 20
FILES_BESIDE = 128
"""Open files that a process has besides its clients' connections: to Kafka, to its logs."""

DRAINED_IN_S = 5
"""Open streams end at once; what else is under way has so long."""


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """Open a port.

    Args:
        host: address.
        port: 0 takes a free one.
        setting: which one names the port, for who is to change it.

    Raises:
        RefusedError: nothing can listen there.
    """
    try:
        return socket.create_server((host, port), backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        raise RefusedError(
            f"Nothing can listen at {host}:{port} ({error.strerror}): stop what uses it, or set {setting} "
            "(0 takes a free one)."
        ) from None


def serve(app: FastAPI, listener: socket.socket, *, connections: int, proxies: Sequence[str] = ()) -> None:
    """Serve an application of `build_site` until SIGTERM or Ctrl-C.

    Args:
        app: what is served.
        listener: of `listen`.
        connections: most at the same time, fewer where files are limited; of one client a tenth of them.
        proxies: addresses whose word on the client's address and scheme is believed.

    Raises:
        RefusedError: something beside the requests refused to go on.
    """
    gate = Gate(room_for(connections), proxies)
    config = uvicorn.Config(
        app, http=guarded(gate), loop="uvloop", ws="none", lifespan="on", log_config=None,
        access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAINED_IN_S, proxy_headers=bool(proxies), forwarded_allow_ips=list(proxies),
    )  # fmt: skip
    server = _Server(config)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(server, app, listener))


def room_for(connections: int) -> int:
    """Let the process have as many files as so many connections take; gives how many there is room for.

    Beyond its limit a process could open nothing at all, and no broker either.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + FILES_BESIDE
    if soft == resource.RLIM_INFINITY:
        return connections
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = max(1, min(connections, soft - FILES_BESIDE))
    if room < connections:
        log.warning("%s open files (ulimit -n) leave room for %s connections, not %s", soft, room, connections)
    return room


class _Server(uvicorn.Server):
    """Ends open streams first, as uvicorn waits for every answer under way, and after a signal with exit code 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  as the library calls it
        """Stop; at the second signal without waiting. uvicorn's own sends itself the signal again at the end."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.leave()  # type: ignore[union-attr]
        await super().shutdown(sockets)


async def _serve(server: uvicorn.Server, app: FastAPI, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    log.info("on http://%s:%s", host, port)
    serving = asyncio.create_task(server.serve([listener]))
    watching = asyncio.create_task(_failed(app))
    await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def _failed(app: FastAPI) -> None:
    """Wait for what works beside the requests to end; raise what it ended with."""
    await app.state.started.wait()
    try:
        await asyncio.shield(app.state.work)
    except BaseExceptionGroup as failed:
        refused = failed.subgroup(RefusedError)
        raise failed if refused is None else _first(refused) from None


def _first(group: BaseExceptionGroup[RefusedError]) -> RefusedError:
    """Give one of a group's: services have task groups of their own."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found

"""Gateways of one installation, started by tests, and what a page does with them."""

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from schemas.erasures import Erasure
from schemas.learning import Origin
from schemas.products import Product
from schemas.slates import Cause, Lineage, Slate, SlateItem
from streams.gateway.visitor_cookie import NAME, VisitorCookies
from streams.kafka import partition_of
from streams.runs.on_kafka import free_port
from streams.web.keys import line_of, new_key
from tests.installation import PARTITIONS, Installation

SECRET = "a secret of thirty-two characters or more"
COMMAND = (sys.executable, "-m", "streams.cli.main", "gateway")


class Told(NamedTuple):
    """One server-sent event."""

    kind: str
    data: dict[str, Any]
    tag: str


class Page:
    """A browser's open stream."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str], *, patience_s: float = 20) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience_s)
        self._connection.request("GET", path, headers=dict(headers))
        self._answer = self._connection.getresponse()
        self.status = self._answer.status

    def next(self) -> Told | None:
        """Wait for the next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "event" in fields:
                return Told(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            else:
                fields.clear()
        return None

    def close(self) -> None:
        """Leave."""
        self._connection.close()


class Shop:
    """An installation with gateways, and slates written as workers write them."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.installation = Installation(broker, folder)
        self._folder = folder
        self._offset = 0
        self._pages: list[Page] = []
        self.key = new_key()
        (folder / "keys").write_text(line_of("backend", "server", self.key) + "\n")

    def start(self, *, wait: bool = True, **env: str) -> tuple[subprocess.Popen[bytes], int]:
        """Start a gateway; gives its process and port."""
        port = free_port()
        told = {
            "AISLE_GATEWAY_PORT": str(port),
            "AISLE_GATEWAY_SECRETS": SECRET,
            "AISLE_KEYS_FILE": str(self._folder / "keys"),
        }
        process = self.installation.start(f"gateway-{port}", command=COMMAND, **told | env)
        if wait:
            self.wait_ready(port)
        return process, port

    def wait_ready(self, port: int) -> None:
        """Wait until a gateway serves."""
        self.installation.wait(lambda: self.installation.ask("/readyz", at=f"http://127.0.0.1:{port}")[0] == 200, 60)

    def sell(self, *product_ids: str, **fields: Any) -> None:
        """Put products into the catalogue."""
        products = [Product(product_id=name, title=f"Mug {name}", price=9.5, **fields) for name in product_ids]
        self._keyed("catalog.products", [(one.product_id.encode(), one.encode()) for one in products])

    def decide(self, visitor_id: str, product_ids: Sequence[str], **fields: Any) -> Slate:
        """Write a visitor's next slate."""
        self._offset += 1
        key = visitor_id.encode()
        slate = slate_of(visitor_id, product_ids, offset=self._offset, **fields)
        self.installation.put([(key, slate.encode())], "recommendations")
        return slate

    def erase(self, visitor_id: str) -> None:
        """Write down that a visitor is forgotten, as a worker does."""
        origin = Origin(topic="clickstream.events", partition=place_of(visitor_id), offset=self._offset)
        entry = Erasure(subject="visitor", subject_id=visitor_id, until=datetime.now(UTC), origin=origin)
        self.installation.put([(entry.key(), entry.encode())], "erasures")

    def get(self, port: int, query: str, visitor_id: str | None = None, **headers: str) -> tuple[int, Any, Any]:
        """Ask for a shelf; gives status, JSON and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            path = query if query.startswith("/") else f"/v1/recommendations?{query}"
            connection.request("GET", path, headers=cookie(visitor_id) | headers)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if body else None, answer.headers
        finally:
            connection.close()

    def send(self, port: int, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send anything; gives the status."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()

    def open(self, port: int, visitor_id: str | None, query: str = "", **headers: str) -> Page:
        """Open a stream."""
        page = Page(port, f"/v1/stream{query}", cookie(visitor_id) | headers)
        self._pages.append(page)
        return page

    def close(self) -> None:
        """End everything."""
        for page in self._pages:
            page.close()
        self.installation.close()

    def _keyed(self, name: str, records: Sequence[tuple[bytes, bytes]]) -> None:
        self.installation.put(records, name)


def cookie(visitor_id: str | None) -> dict[str, str]:
    """Give the header of a browser that is somebody."""
    return {} if visitor_id is None else {"Cookie": f"{NAME}={VisitorCookies([SECRET]).write(visitor_id)}"}


def place_of(visitor_id: str) -> int:
    """Give a visitor's partition."""
    return partition_of(visitor_id.encode(), PARTITIONS)


def slate_of(visitor_id: str, product_ids: Sequence[str], *, offset: int, **fields: Any) -> Slate:
    """Make a slate that answers the record at an offset of its visitor's partition."""
    now = datetime.now(UTC)
    placement = fields.get("placement", "home")
    cause = Cause(topic="clickstream.events", partition=place_of(visitor_id), offset=offset, event_id=f"e{offset}")
    usual: dict[str, Any] = {
        "slate_id": f"s-{cause.partition}-{offset}-{placement}-0685",
        "placement": placement,
        "cause": cause,
        "lineage": Lineage(settings="s", build="b"),
        "event_at": now,
        "decided_at": now,
        "expires_at": now + timedelta(minutes=30),
    }
    items = tuple(
        SlateItem(product_id=name, rank=rank, score=1 / rank, reason="Because")
        for rank, name in enumerate(product_ids, 1)
    )
    return Slate(visitor_id=visitor_id, items=items, **usual | fields)

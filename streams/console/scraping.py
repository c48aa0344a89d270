"""Metrics of gateways and workers, read from the pages that a setting lists."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

EVERY_S = 5.0
TIMEOUT_S = 2.0
MOST_BYTES = 4 << 20

HISTOGRAMS = ("aisle_gateway_browser_seconds", "aisle_gateway_slate_seconds")
GAUGES = ("aisle_ready", "aisle_refused", "aisle_source_lag", "aisle_follower_lag", "aisle_gateway_streams")

KINDS = {
    "aisle_gateway_streams": "gateway",
    "aisle_judge_queue": "judge",
    "aisle_oldest_vector_age_seconds": "catalog",
    "aisle_source_lag": "clicks",
}
"""A gauge that a process of one kind alone has, and what the process is called."""

Bars = dict[str, dict[float, float]]


class Scraping:
    """A service that reads /metrics of other processes while somebody looks.

    Args:
        urls: of the pages.
        looked_at: tells whether anybody looks.
        transport: of the HTTP client, the network where absent.
    """

    name = "metrics"

    def __init__(
        self, urls: Sequence[str], looked_at: Callable[[], bool], transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._urls, self._looked_at, self._transport = urls, looked_at, transport
        self._told: dict[str, dict[str, Any]] = {}
        self._bars: dict[str, Bars] = {}

    def lacks(self) -> list[str]:
        """Lack nothing: what does not answer is shown as such."""
        return []

    def stuck(self) -> list[str]:
        """Be never stuck: see `lacks`."""
        return []

    async def run(self) -> None:
        """Ask until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=self._transport, follow_redirects=False) as client:
            while True:
                if self._urls and self._looked_at():
                    await asyncio.gather(*(self.ask(client, url) for url in self._urls))
                await asyncio.sleep(EVERY_S if self._looked_at() else 0.5)

    async def ask(self, client: httpx.AsyncClient, url: str) -> None:
        """Read one page; what does not answer, or is no page of metrics, is said to be so."""
        try:
            async with client.stream("GET", url) as answer:
                answer.raise_for_status()
                text = (await _bounded(answer)).decode(errors="replace")
            families = list(text_string_to_metric_families(text))
            bars = {family.name: _bars(family) for family in families if family.name in HISTOGRAMS}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
            self._told[url] = {"url": url, "answers": False, "why": type(error).__name__}
            return
        self._bars[url] = bars
        self._told[url] = {"url": url, "answers": True, "kind": _kind(families), **_gauges(families)}

    def plain(self) -> dict[str, Any]:
        """Give each page's gauges in the order of the setting, and the histograms of all together."""
        told = [self._told.get(url, {"url": url, "answers": None}) for url in self._urls]
        return {"pages": told, "histograms": {name.removeprefix("aisle_"): self._together(name) for name in HISTOGRAMS}}

    def _together(self, name: str) -> dict[str, Any] | None:
        """Sum a histogram over the pages: since the processes began."""
        total: defaultdict[float, float] = defaultdict(float)
        for bars in self._bars.values():
            for edge, count in bars.get(name, {}).items():
                total[edge] += count
        return told_bars(dict(total)) if total else None


def told_bars(cumulative: dict[float, float]) -> dict[str, Any]:
    """Turn a histogram's cumulative buckets, edges in seconds, into bars in milliseconds with quantiles.

    >>> told = told_bars({0.01: 1, 0.1: 9, float("inf"): 10})
    >>> told["bounds_ms"], told["bars"], told["count"]
    ([10.0, 100.0], [1, 8, 1], 10)
    >>> round(told["p50"], 1)
    55.0
    """
    edges = sorted(cumulative)
    counts = [cumulative[edge] for edge in edges]
    bars = [counts[0], *(max(0, later - one) for one, later in pairwise(counts))]
    bounds = [edge * 1000 for edge in edges if edge != float("inf")]
    quantiles = {f"p{q}": _within(bounds, bars, q / 100) for q in (50, 90, 99)}
    return {"bounds_ms": bounds, "bars": bars, "count": counts[-1], **quantiles}


def _within(bounds_ms: Sequence[float], bars: Sequence[float], share: float) -> float | None:
    """Give a quantile, even within a bar; None without anything, and the last edge where it lies beyond."""
    wanted, seen = share * sum(bars), 0.0
    if not wanted:
        return None
    for low, high, bar in zip((0.0, *bounds_ms), bounds_ms, bars, strict=False):
        if bar and seen + bar >= wanted:
            return low + (high - low) * (wanted - seen) / bar
        seen += bar
    return bounds_ms[-1]


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise ValueError("too long")
    return bytes(body)


def _bars(family: Metric) -> dict[float, float]:
    found: defaultdict[float, float] = defaultdict(float)
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            found[float(sample.labels["le"])] += sample.value
    return dict(found)


def _kind(families: Sequence[Metric]) -> str | None:
    names = {family.name for family in families}
    return next((kind for name, kind in KINDS.items() if name in names), None)


def _gauges(families: Sequence[Metric]) -> dict[str, float]:
    """Sum each gauge over its labels."""
    found: dict[str, float] = {}
    for family in families:
        if family.name in GAUGES and family.samples:
            found[family.name.removeprefix("aisle_")] = sum(sample.value for sample in family.samples)
    return found

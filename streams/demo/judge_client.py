"""What a judge worker says of itself: whether it is ready, its calls, and what they cost."""

from http.client import HTTPConnection, HTTPException

import orjson

from schemas.errors import RefusedError
from streams.demo.judged import Spent

NOT_MADE = frozenset({"open", "budget"})
"""Outcomes of `aisle_llm_calls_total` where there was no call."""


class JudgeClient:
    """Asks one worker.

    Args:
        port: of the worker's HTTP server on this machine.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)

    def why_not(self) -> str:
        """Say why it does not judge; "" where it does.

        Raises:
            RefusedError: it may not run, with its reason.
        """
        progress = orjson.loads(self._get("/progress") or b"{}")
        if "refused" in progress:
            raise RefusedError(f"The judge's worker may not run: {progress['refused']}")
        if progress.get("ready"):
            return ""
        return self._get("/readyz").decode().strip() or "its worker does not answer"

    def spent(self) -> Spent | None:
        """Give what it has counted since it started; None while it does not answer."""
        page = self._get("/metrics")
        return read(page.decode()) if page else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _get(self, path: str) -> bytes:
        try:
            self._connection.request("GET", path)
            return self._connection.getresponse().read()
        except (OSError, HTTPException):
            self._connection.close()
            return b""


def read(metrics: str) -> Spent:
    r"""Read a page of metrics.

    >>> read('aisle_llm_calls_total{outcome="ok"} 2.0\naisle_llm_calls_total{outcome="budget"} 9.0\n').calls
    2
    """
    from prometheus_client.parser import text_string_to_metric_families

    samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    tokens = {one.labels["kind"]: int(one.value) for one in samples if one.name == "aisle_llm_tokens_total"}
    calls = [one for one in samples if one.name == "aisle_llm_calls_total" and one.labels["outcome"] not in NOT_MADE]
    return Spent(
        calls=sum(int(one.value) for one in calls),
        prompt_tokens=tokens.get("prompt", 0),
        completion_tokens=tokens.get("completion", 0),
        usd=sum(one.value for one in samples if one.name == "aisle_llm_usd_total"),
    )

"""What a judge worker says at `/metrics` of its calls and what they cost."""

from http.client import HTTPConnection, HTTPException

from streams.demo.judged import Spent

NOT_MADE = frozenset({"open", "budget"})
"""Outcomes of `aisle_llm_calls_total` where there was no call."""


class SpendingClient:
    """Asks over one kept connection.

    Args:
        port: of the worker's HTTP server on this machine.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self) -> Spent | None:
        """Give what it has counted since it started; None while it does not answer."""
        try:
            self._connection.request("GET", "/metrics")
            return read(self._connection.getresponse().read().decode())
        except (OSError, HTTPException, ValueError):
            self._connection.close()
            return None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def read(metrics: str) -> Spent:
    r"""Read a page of metrics.

    Raises:
        ValueError: it is none.

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

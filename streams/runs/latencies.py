"""Latencies, as many as come."""

from array import array


class Latencies:
    """Milliseconds, with the shares that users ask for.

    >>> some = Latencies()
    >>> for ms in (1.0, 3.0, 2.0):
    ...     some.add(ms)
    >>> len(some), some.quantile(0.5), some.summary()
    (3, 2.0, {'p50': 2.0, 'p99': 3.0})
    """

    def __init__(self) -> None:
        self._ms = array("f")

    def __len__(self) -> int:
        return len(self._ms)

    def add(self, latency_ms: float) -> None:
        """Take one; below 0 is a clock that disagrees, and counts as 0."""
        self._ms.append(max(0.0, latency_ms))

    def quantile(self, share: float) -> float:
        """Give the latency that this share did not exceed; 0 without any."""
        ordered = sorted(self._ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> dict[str, float]:
        """Give median and 99th percentile for a script."""
        return {"p50": round(self.quantile(0.5), 2), "p99": round(self.quantile(0.99), 2)}

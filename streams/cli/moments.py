"""Times as an operator types them."""

import re
from datetime import UTC, datetime

from schemas.errors import RefusedError
from schemas.record import epoch_ms

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment_ms(text: str, *, option: str, now_ms: int | None = None) -> int:
    """Read a time, UTC unless it says otherwise, or how long ago it was.

    Args:
        text: RFC 3339 or its first part; `90m`, `2h` or `7d` where `now_ms` is given.
        option: what it was typed for.
        now_ms: the time that is now, milliseconds since 1970; None where the same text must always mean the same time.

    Returns:
        milliseconds since 1970.

    Raises:
        RefusedError: it is no time.

    >>> moment_ms("1970-01-02", option="--from"), moment_ms("1970-01-01T01:00+01:00", option="--to")
    (86400000, 0)
    >>> moment_ms("90m", option="--to", now_ms=6_000_000)
    600000
    """
    ago = None if now_ms is None else re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if ago is not None and now_ms is not None:
        return now_ms - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
        return epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        more = "" if now_ms is None else ", or 2h for two hours ago"
        raise RefusedError(f"{option} {text} is no time: write 2026-05-01T12:00:00Z or 2026-05-01{more}.") from None

"""Times as an operator types them."""

import re
from datetime import UTC, datetime

from schemas.errors import RefusedError
from schemas.record import epoch_ms

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment_ms(text: str, *, now_ms: int) -> int:
    """Read a time, UTC unless it says otherwise, or how long ago it was.

    Returns:
        milliseconds since 1970.

    Raises:
        RefusedError: it is neither.

    >>> moment_ms("1970-01-02", now_ms=0), moment_ms("1970-01-01T01:00+01:00", now_ms=0)
    (86400000, 0)
    >>> moment_ms("90m", now_ms=6_000_000)
    600000
    """
    ago = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if ago is not None:
        return now_ms - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
        return epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise RefusedError(
            f"{text} is no time: write 2026-05-01T12:00:00Z, 2026-05-01, or 2h for two hours ago."
        ) from None

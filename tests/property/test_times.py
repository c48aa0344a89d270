"""Laws of reading times from files."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import EARLIEST_MS
from schemas.record import epoch_ms
from streams.sources.fields import parse_time
from streams.sources.rows import LineRefusedError

zones = st.none() | st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
written = st.datetimes(timezones=zones).map(str) | st.from_regex(r"[0-9]{1,17}(\.[0-9]{1,20})?", fullmatch=True)
nearly = st.from_regex(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}[T ]?[0-9:.+Zz-]{0,25}( UTC)?", fullmatch=True)


@given(text=st.text(max_size=40) | written | nearly)
@example(text="0001-01-01T00:00:00+14:00")
@example(text="9999-12-31T23:59:59-14:00")
@example(text="9999-12-31T23:59:59.999999")
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """No line of a file ends its import: a time in UTC that an event may have, or the one refusal."""
    try:
        at = parse_time(text)
    except LineRefusedError as error:
        assert error.reason == "time"
    else:
        assert at.tzinfo is UTC
        assert epoch_ms(at) >= EARLIEST_MS


@given(at=st.datetimes(datetime(2000, 1, 2), datetime(9999, 12, 30), timezones=zones))  # noqa: DTZ001  given a zone
def test_iso_8601_is_read_as_written(at: datetime) -> None:
    """With any offset; without one it is UTC."""
    assert parse_time(at.isoformat()) == (at if at.tzinfo else at.replace(tzinfo=UTC))

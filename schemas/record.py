"""The base of all records and the one way between bytes and records."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, ValidationError

from schemas.errors import DecodeError

MAX_RECORD_BYTES = 64 * 1024
"""A longer record is refused as `too_large`."""

MAX_OWN_BYTES = 1 << 20
"""The same for records that only aisle writes: they hold what others sent, several times over."""

MAX_ID_CHARS = 128

Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""1-128 characters, no control characters (they would collide with our own keys and garble logs)."""

Text = Annotated[str, StringConstraints(max_length=2048)]
"""Free text of at most 2,048 characters."""


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("not an RFC 3339 time") from None
    if not isinstance(value, datetime):
        raise ValueError("not an RFC 3339 time")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    if value.tzinfo is None:
        raise ValueError("a time needs its offset from UTC, such as Z")
    try:
        at = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time that UTC can express") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def rfc3339(at: datetime) -> str:
    """Format a UTC time with milliseconds.

    >>> rfc3339(datetime(2026, 5, 1, 12, 0, 0, 250000, tzinfo=UTC))
    '2026-05-01T12:00:00.250Z'
    """
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def epoch_ms(at: datetime) -> int:
    """Count milliseconds since 1970 in UTC.

    >>> epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_epoch_ms(ms: int) -> datetime:
    """Turn milliseconds since 1970 into a UTC time, exactly (no float on the way)."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999; Kafka keeps any 64-bit number as a record's time."""


def nearest_time(ms: int) -> datetime:
    """Turn any number of milliseconds since 1970 into a UTC time, the nearest of the years 1970 to 9999."""
    return from_epoch_ms(min(max(ms, 0), LAST_MS))


Timestamp = Annotated[
    datetime, BeforeValidator(_timestamp), PlainSerializer(rfc3339, return_type=str, when_used="json")
]
"""RFC 3339 with an offset on the wire, UTC with milliseconds in memory."""


class Part(BaseModel):
    """A piece of a record: frozen, unknown fields pass, no NaN or infinity anywhere."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    def encode(self) -> bytes:
        """Write as compact JSON; `encode(decode(x))` is stable."""
        return self.model_dump_json(exclude_none=True).encode()


class Record(Part):
    """One message on a topic.

    `schema_version` is `major.minor`: newer minor versions pass (unknown fields are ignored), an unknown major version
    is refused by name.
    """

    VERSION: ClassVar[str] = "1.0"
    MAX_BYTES: ClassVar[int] = MAX_RECORD_BYTES

    schema_version: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")] = "1.0"

    @classmethod
    def decode(cls, data: bytes | None) -> Self:
        """Read one record.

        Raises:
            DecodeError: whatever is wrong with the bytes; nothing else is ever raised.
        """
        return decode(cls, data)


R = TypeVar("R", bound=Record)


def decode(kind: type[R], data: bytes | None) -> R:
    """Read one record of a kind; see `Record.decode`."""
    if data is None:
        raise DecodeError("not_json", f"{kind.__name__}: the record is empty")
    if len(data) > kind.MAX_BYTES:
        raise DecodeError("too_large", f"{kind.__name__}: {len(data)} bytes, at most {kind.MAX_BYTES} are read")
    try:
        record = kind.model_validate_json(data)
    except ValidationError as error:
        raise _explain(kind, data, error) from None
    except (ValueError, RecursionError) as error:
        raise DecodeError("not_json", f"{kind.__name__}: {type(error).__name__}") from None
    _check_version(kind, record.schema_version)
    return record


def of_object(kind: type[R], value: object) -> R:
    """Read one record from JSON that is parsed already; how long it was is not known here.

    Raises:
        DecodeError: whatever is wrong with the value.
    """
    try:
        record = kind.model_validate(value)
    except ValidationError as error:
        raise _said(kind, value, error) from None
    _check_version(kind, record.schema_version)
    return record


def _check_version(kind: type[Record], version: str) -> None:
    if version.split(".", 1)[0] != kind.VERSION.split(".", 1)[0]:
        known = kind.VERSION.split(".", 1)[0]
        raise DecodeError("unknown_version", f"{kind.__name__}: version {version}, this build reads {known}.x")


_WORDS = {
    "literal_error": "none of the known values",
    "string_too_long": "too long",
    "string_too_short": "empty",
    "string_pattern_mismatch": "characters that may not be in it",
    "string_type": "not text",
    "model_type": "not an object",
    "model_attributes_type": "not an object",
    "tuple_type": "not a list",
    "extra_forbidden": "unknown",
    "finite_number": "not a finite number",
    "float_type": "not a number",
    "float_parsing": "not a number",
    "int_type": "not a whole number",
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "bool_type": "not true or false",
    "too_long": "too many",
    "greater_than_equal": "too small",
    "greater_than": "too small",
    "less_than_equal": "too great",
    "less_than": "too great",
}
"""What pydantic's commonest errors mean, for who reads a dead letter; the others are called by their name."""


def _explain(kind: type[Record], data: bytes, error: ValidationError) -> DecodeError:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = None
    if error.errors(include_url=False, include_input=False, include_context=False)[0]["type"] == "json_invalid":
        return DecodeError("not_json", f"{kind.__name__}: the bytes are not JSON")
    return _said(kind, value, error)


def _said(kind: type[Record], value: object, error: ValidationError) -> DecodeError:
    """Name the first thing that is wrong; of a record of another major version it is the version."""
    version = value.get("schema_version") if isinstance(value, dict) else None
    if isinstance(version, str) and re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", version):
        try:
            _check_version(kind, version)
        except DecodeError as refused:
            return refused
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join("[]" if isinstance(part, int) else _field(kind, part) for part in first["loc"]) or "record"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return DecodeError("schema", f"{kind.__name__}.{where}: {_WORDS.get(first['type'], first['type'])}{more}")


def _field(kind: type[Record], name: str) -> str:
    """Name a field of ours; anything else in an error's path came from the sender and may be personal."""
    return name if name.isidentifier() and len(name) <= 40 else f"<a field of {kind.__name__}>"

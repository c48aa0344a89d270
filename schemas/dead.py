"""What could not be used: the records on `<topic>.dead`."""

import base64
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.errors import DecodeError, Reason
from schemas.record import MAX_OWN_BYTES, Part, Record, Timestamp


class Source(Part):
    """Where the refused record stands; this is a dead letter's identity. `topic` without the installation's prefix."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    timestamp: Timestamp


class DeadLetter(Record):
    """A refused record with its reason and its bytes.

    `value` and `key` are base64 of the original bytes, absent where the record had none; a `value` longer than the
    broker would take again is cut, and `value_bytes` keeps its true length.
    """

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    reason: Reason
    detail: Annotated[str, StringConstraints(max_length=1024)]
    source: Source
    key: str | None = None
    value: str | None = None
    value_bytes: Annotated[int, Field(ge=0)] = 0
    headers: dict[str, str] = {}
    attempts: Annotated[int, Field(ge=1)] = 1

    def original(self) -> bytes | None:
        """Give back the refused record's value.

        Raises:
            DecodeError: somebody else wrote the letter, and it is no base64.
        """
        try:
            return None if self.value is None else base64.b64decode(self.value, validate=True)
        except ValueError:
            raise DecodeError("schema", "DeadLetter.value: not base64") from None


MAX_KEPT_BYTES = 640 * 1024
"""Base64 of this fits under Kafka's default message limit of 1 MiB."""


def dead_letter(
    error: DecodeError,
    *,
    source: Source,
    key: bytes | None,
    value: bytes | None,
    headers: dict[str, str],
    attempts: int = 1,
) -> DeadLetter:
    """Wrap a refused record; `headers` are few and short already."""
    return DeadLetter(
        reason=error.reason,
        detail=error.detail[:1024],
        source=source,
        key=None if key is None else base64.b64encode(key[:4096]).decode(),
        value=None if value is None else base64.b64encode(value[:MAX_KEPT_BYTES]).decode(),
        value_bytes=len(value or b""),
        headers=headers,
        attempts=attempts,
    )

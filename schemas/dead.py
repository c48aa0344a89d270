"""What could not be used: the records on `<topic>.dead`."""

import base64
from typing import Annotated, ClassVar, Literal

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

    def original_key(self) -> bytes | None:
        """Give back the refused record's key; its first `MAX_KEPT_KEY_BYTES`."""
        return None if self.key is None else base64.b64decode(self.key)

    @property
    def cut(self) -> bool:
        """Tell whether the value was too long to be kept whole."""
        return len(self.original() or b"") < self.value_bytes


Kept = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
"""A letter of a partition: its record's offset and arrival (ms since 1970)."""


class Requeue(Record):
    """What stands between the letters of a partition, with the Kafka header `note`: which of them are being sent again.

    `sending` is written before and `sent` after it. Whoever finds only the first looks for the letters in the source
    topic, from `ends` on (by partition), by the header `requeued`.
    """

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    requeue: Literal["sending", "sent"]
    letters: Annotated[tuple[Kept, ...], Field(max_length=10_000)]
    ends: dict[int, Annotated[int, Field(ge=0)]] = {}


MAX_KEPT_KEY_BYTES = 4096

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
        key=None if key is None else base64.b64encode(key[:MAX_KEPT_KEY_BYTES]).decode(),
        value=None if value is None else base64.b64encode(value[:MAX_KEPT_BYTES]).decode(),
        value_bytes=len(value or b""),
        headers=headers,
        attempts=attempts,
    )

"""Which state and model are in force: the records on `generations`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.record import Record, Timestamp

GenerationName = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z0-9_-]{1,64})?$")]
"""Part of topic names; "" is the first generation, whose topics bear no name."""

CURRENT_KEY = b"current"
BUILDING_KEY = b"building"


class Generation(Record):
    """A generation of states and model: the one in force, under the key `current`, or one that is being built.

    `previous` is what was in force before; whoever goes back goes there. `grown_from` and `grown_at` tell how many
    partitions there were before there were more, and until when: older offsets of who moved are of another partition.
    """

    name: GenerationName = ""
    partitions: Annotated[int, Field(ge=1)]
    previous: GenerationName | None = None
    grown_from: Annotated[int, Field(ge=1)] | None = None
    grown_at: Timestamp | None = None
    at: Timestamp

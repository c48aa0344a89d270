"""What a worker says of itself at `/progress`."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

import orjson

from schemas.errors import RefusedError
from schemas.topics import EMBEDDINGS, LEARNING, PRODUCTS


class WorkerProgress(NamedTuple):
    """Where a worker stands, by partition.

    `marks` are the last events applied, `committed` the next ones needed by a restart: everything before is written;
    `followed` are the last offsets applied of each log the worker follows.
    """

    ready: bool
    marks: Mapping[int, int]
    committed: Mapping[int, int]
    followed: Mapping[str, Mapping[int, int]]

    @property
    def model(self) -> int:
        """Give the model's position in the learning log."""
        return self.followed.get(LEARNING, {}).get(0, -1)

    @property
    def products(self) -> int:
        """Count the records of the catalogue it has applied."""
        return sum(offset + 1 for offset in self.followed.get(PRODUCTS, {}).values())

    @property
    def embeddings(self) -> int:
        """Count the vectors it has applied."""
        return sum(offset + 1 for offset in self.followed.get(EMBEDDINGS, {}).values())

    @property
    def catalogue(self) -> int:
        """Count the products it knows with their vectors, given that each is written once."""
        return min(self.products, self.embeddings)


NOTHING = WorkerProgress(ready=False, marks={}, committed={}, followed={})


class ProgressClient:
    """Asks a worker over one kept connection.

    Args:
        port: of the worker's HTTP server on this machine.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self) -> WorkerProgress:
        """Give the worker's progress; `NOTHING` while it does not answer.

        Raises:
            RefusedError: the worker refused to start, with its reason.
        """
        try:
            self._connection.request("GET", "/progress")
            answer = orjson.loads(self._connection.getresponse().read())
        except (OSError, HTTPException, orjson.JSONDecodeError):
            self._connection.close()
            return NOTHING
        if "refused" in answer:
            raise RefusedError(f"A worker may not run: {answer['refused']}")
        partitions = answer.get("partitions", {})
        return WorkerProgress(
            ready=answer["ready"],
            marks={int(partition): at["mark"] for partition, at in partitions.items()},
            committed={int(partition): at["committed"] for partition, at in partitions.items()},
            followed={
                topic: {int(partition): offset for partition, offset in at["positions"].items()}
                for topic, at in answer.get("followers", {}).items()
            },
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

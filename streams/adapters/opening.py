"""Which index serves: chosen once, by the settings."""

import logging
import re
from hashlib import blake2b

from models.content import Opener
from models.ports import VectorIndex
from schemas.errors import DegradedError
from streams.settings import Settings

log = logging.getLogger(__name__)


def open_index(settings: Settings, dim: int, *, model: str = "") -> VectorIndex:
    """Open an empty index: the Qdrant server where one is set, else one inside the process.

    "auto" inside the process is exact numpy: without its graph, which no serving process can build, the embedded
    Qdrant is slower at any size. It also stands in for an embedded one that cannot be made: the vectors are all in the
    log, and a worker that serves from memory is better than one that dies of a full disk.

    Args:
        settings: `qdrant_*`, `index`, `data_dir` and `topic_prefix` are used.
        dim: numbers per vector.
        model: what makes the vectors; each has its own place.

    Raises:
        RefusedError: the place is held by another process or by vectors of another dim.
    """
    if settings.qdrant_url is not None:
        return _server(settings, dim, model)
    if settings.index == "edge":
        from streams.adapters.edge import EdgeVectorIndex

        try:
            return EdgeVectorIndex(dim, settings.data_dir / "index" / _place(settings, dim, model))
        except DegradedError as error:
            log.warning("serving vectors from memory instead: %s", error)
    from streams.adapters.numpy_index import NumpyVectorIndex

    return NumpyVectorIndex(dim)


def index_opener(settings: Settings) -> Opener:
    """Give what `models.content.Content` opens its indexes with."""
    return lambda model, dim: open_index(settings, dim, model=model)


def _server(settings: Settings, dim: int, model: str) -> VectorIndex:
    from qdrant_client import QdrantClient

    from streams.adapters.qdrant import QdrantVectorIndex

    key = settings.qdrant_api_key
    client = QdrantClient(  # TLS by an https address
        url=settings.qdrant_url,
        api_key=key.get_secret_value() if key else None,
        timeout=5,
        check_compatibility=False,
    )
    place = _place(settings, dim, model)
    return QdrantVectorIndex(client, dim, collection=place, timeout_ms=settings.qdrant_timeout_ms)


def _place(settings: Settings, dim: int, model: str) -> str:
    """Name a collection or directory, readable and unique."""
    full = f"{settings.topic_prefix}\0{model}\0{dim}"
    readable = re.sub(r"[^a-zA-Z0-9]+", "-", f"{settings.topic_prefix}products-{model.rsplit('/', 1)[-1]}")[:80]
    return f"{readable}-{blake2b(full.encode(), digest_size=4).hexdigest()}"
